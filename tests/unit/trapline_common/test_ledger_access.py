"""How a service finds and enters the ledger: as the address says, or with an IAM token."""

import re
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from trapline_common.aws.ledger_login import ledger
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database

RDS = "postgresql://trapline_crawler@ledger.example:6543/trapline?sslmode=verify-full"


@pytest.fixture
def asked(monkeypatch):
    """The addresses that would have been connected to."""
    addresses = []

    async def connect(dsn, *, application):
        addresses.append((dsn, application))

    monkeypatch.setattr(Database, "connect", connect)
    return addresses


@pytest.fixture
def role(monkeypatch):
    """The credentials of a function's role, in the environment as Lambda puts them there."""
    for name, value in {
        "ACCESS_KEY_ID": "AKIAEXAMPLE",
        "SECRET_ACCESS_KEY": "s",
        "DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # that of a test before keeps that one's keys


async def test_without_a_setting_the_address_is_used_as_it_is(asked):
    """One machine and the local AWS: what the address says is enough."""
    await ledger({"DATABASE_URL": "postgresql:///x?host=/run"}, application="trapline-crawler")()
    assert asked == [("postgresql:///x?host=/run", "trapline-crawler")]


async def test_on_rds_each_connection_has_a_token_of_its_own(asked, role):
    """The password is a signed request for just this user at just this host, and the rest of the address stays."""
    connect = ledger({"DATABASE_URL": RDS, "TRAPLINE_DATABASE_AUTH": "iam"}, application="a")
    await connect()
    await connect()
    for dsn, _ in asked:
        parts = urlsplit(dsn)
        token = unquote(parts.password)
        assert (parts.username, parts.hostname, parts.port) == ("trapline_crawler", "ledger.example", 6543)
        assert parts.query == "sslmode=verify-full"
        assert token.startswith("ledger.example:6543/?Action=connect&DBUser=trapline_crawler&")
        assert re.search(r"X-Amz-Credential=AKIAEXAMPLE%2F\d{8}%2Feu-central-1%2Frds-db%2F", token)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "DATABASE_URL must be set"),
        ({"DATABASE_URL": RDS, "TRAPLINE_DATABASE_AUTH": "token"}, "TRAPLINE_DATABASE_AUTH is 'token'"),
        ({"DATABASE_URL": "postgresql:///x", "TRAPLINE_DATABASE_AUTH": "iam"}, "names user and host"),
        ({"DATABASE_URL": "postgresql://u:secret@h/x", "TRAPLINE_DATABASE_AUTH": "iam"}, "no password"),
    ],
)
def test_a_setting_that_can_not_work_is_refused_by_name(environ, reason):
    """A function with a wrong setting says which, before it connects, and never repeats a password."""
    with pytest.raises(InputRefusedError, match=reason) as caught:
        ledger(environ, application="a")
    assert "secret" not in str(caught.value)
