"""``trapline migrate`` as a deployment's operator does it: the administrator's log-in, roles, the session key."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from support.ledger import value
from support.postgres import as_role, fresh_database
from trapline.access.deployment.migration import migrate_deployment
from trapline_common.aws.ledger_admin import administrator
from trapline_common.aws.session_key import EMPTY_VERSION, ensure_session_key
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrations
from trapline_crawler.aws_adapters import managed_session_key
from trapline_crawler.sessions.seal import Seal

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY = "/trapline-test/session-key"
RDS = "postgresql://trapline_operator@ledger.example:5432/trapline?sslmode=verify-full&sslrootcert=/var/task/rds-ca.pem"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SecretsManagerClient]":
    """Secrets Manager."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for later tests
    for name, text in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.fixture
def parameters(secrets: "SecretsManagerClient") -> Any:
    """SSM with the parameter without a key that Terraform makes."""
    client = boto3.client("ssm")
    client.put_parameter(Name=KEY, Value="unset", Type="SecureString")
    return client


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """DSN of a database without our schema."""
    async with fresh_database(postgres, template="template0") as dsn:
        yield dsn


async def test_an_empty_database_gets_schema_roles_and_session_key(empty: str, parameters: Any) -> None:
    """After one call a service may log in and work, and the crawler finds a key; a second call changes nothing."""
    with pytest.raises(InputRefusedError, match="`trapline migrate` makes it"):
        managed_session_key(KEY)
    environ = {"TRAPLINE_ADMIN_URL": empty, "TRAPLINE_SESSION_KEY_PARAMETER": KEY}
    done = await migrate_deployment(environ)
    assert (done.applied, done.granted, done.session_key) == (migrations(), "granted", "made")
    async with await Database.connect(as_role(empty, "trapline_notifier")) as notifier:
        assert await value(notifier, "SELECT count(*) FROM trapline.alert") == 0
    key = managed_session_key(KEY)
    assert Seal(key).open(Seal(key).close({"a": 1})) == {"a": 1}
    again = await migrate_deployment(environ)
    assert (again.applied, again.granted, again.session_key) == ([], "granted", "kept")
    assert managed_session_key(KEY) == key


async def test_without_an_administrator_nothing_is_done(parameters: Any) -> None:
    """A function whose environment names no administrator says which settings there are."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_ADMIN_SECRET or TRAPLINE_ADMIN_URL"):
        await migrate_deployment({"TRAPLINE_SESSION_KEY_PARAMETER": KEY})
    assert parameters.get_parameter(Name=KEY)["Parameter"]["Version"] == EMPTY_VERSION


def test_on_rds_the_administrators_password_is_rds_own(secrets: "SecretsManagerClient") -> None:
    """User and password come from the secret that RDS keeps; host and verified TLS stay as they are."""
    secrets.create_secret(Name="rds", SecretString=json.dumps({"username": "trapline_admin", "password": "p@:/?#[]"}))
    found = administrator({"DATABASE_URL": RDS, "TRAPLINE_ADMIN_SECRET": "rds"}, secrets)
    assert found is not None
    parts = urlsplit(found)
    assert (parts.username, parts.hostname, parts.port) == ("trapline_admin", "ledger.example", 5432)
    assert parts.password == "p%40%3A%2F%3F%23%5B%5D"
    assert parts.query == urlsplit(RDS).query


@pytest.mark.parametrize("text", ["no JSON: hunter2", '{"password": "hunter2"}', '["hunter2"]'])
def test_a_secret_that_is_not_rds_own_is_refused_unseen(secrets: "SecretsManagerClient", text: str) -> None:
    """The error names the fault and shows nothing of the content."""
    secrets.create_secret(Name="rds", SecretString=text)
    with pytest.raises(InputRefusedError, match="TRAPLINE_ADMIN_SECRET") as caught:
        administrator({"DATABASE_URL": RDS, "TRAPLINE_ADMIN_SECRET": "rds"}, secrets)
    assert "hunter2" not in str(caught.value)


def test_a_key_that_a_person_put_in_is_kept(parameters: Any) -> None:
    """A key that a person rotated is never replaced."""
    parameters.put_parameter(Name=KEY, Value="a person's", Type="SecureString", Overwrite=True)
    assert not ensure_session_key(parameters, KEY)
    assert managed_session_key(KEY) == b"a person's"


async def test_of_two_at_once_one_makes_the_key(empty: str, parameters: Any) -> None:
    """Two first migrations take turns: the second finds the first's key."""
    environ = {"TRAPLINE_ADMIN_URL": empty, "TRAPLINE_SESSION_KEY_PARAMETER": KEY}
    both = await asyncio.gather(migrate_deployment(environ), migrate_deployment(environ))
    assert sorted(done.session_key for done in both) == ["kept", "made"]
    assert parameters.get_parameter(Name=KEY)["Parameter"]["Version"] == EMPTY_VERSION + 1
