"""``trapline migrate`` as a deployment's operator does it: the administrator's log-in, roles, the session key."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import pytest
from moto import mock_aws

from support.ledger import value
from support.postgres import as_role, fresh_database
from trapline.access.deployment.migration import migrate_deployment
from trapline_common.aws.ledger_admin import administrator
from trapline_common.aws.session_key import ensure_session_key
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrations
from trapline_crawler.sessions.seal import Seal

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY = "trapline-test/session-key"
RDS = "postgresql://trapline_operator@ledger.example:5432/trapline?sslmode=verify-full&sslrootcert=/var/task/rds-ca.pem"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SecretsManagerClient]":
    """Secrets Manager with the empty secret that Terraform makes for the session key."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep these credentials for later tests
    for name, text in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=KEY)
        yield client


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """DSN of a database without our schema."""
    async with fresh_database(postgres, template="template0") as dsn:
        yield dsn


async def test_an_empty_database_gets_schema_roles_and_session_key(
    empty: str, secrets: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one call a service may log in and work, and the crawler finds a key; a second call changes nothing."""
    monkeypatch.setattr(boto3, "client", lambda *_, **__: secrets)
    environ = {"TRAPLINE_ADMIN_URL": empty, "TRAPLINE_SESSION_KEY_SECRET": KEY}
    done = await migrate_deployment(environ)
    assert (done.applied, done.granted, done.session_key) == (migrations(), "granted", "made")
    async with await Database.connect(as_role(empty, "trapline_notifier")) as notifier:
        assert await value(notifier, "SELECT count(*) FROM trapline.alert") == 0
    key = secrets.get_secret_value(SecretId=KEY)["SecretString"]
    assert Seal(key.encode()).open(Seal(key.encode()).close({"a": 1})) == {"a": 1}
    again = await migrate_deployment(environ)
    assert (again.applied, again.granted, again.session_key) == ([], "granted", "kept")
    assert secrets.get_secret_value(SecretId=KEY)["SecretString"] == key


async def test_without_an_administrator_nothing_is_done(secrets: "SecretsManagerClient") -> None:
    """A function whose environment names no administrator says which settings there are."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_ADMIN_SECRET or TRAPLINE_ADMIN_URL"):
        await migrate_deployment({"TRAPLINE_SESSION_KEY_SECRET": KEY})
    assert "SecretString" not in json.dumps(secrets.describe_secret(SecretId=KEY), default=str)


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


def test_a_key_that_a_person_put_in_is_kept(secrets: "SecretsManagerClient") -> None:
    """A key that a person rotated is never replaced."""
    secrets.put_secret_value(SecretId=KEY, SecretString="a person's")
    assert not ensure_session_key(secrets, KEY)
    assert secrets.get_secret_value(SecretId=KEY)["SecretString"] == "a person's"


def test_of_two_at_once_one_makes_the_key(secrets: "SecretsManagerClient", monkeypatch: pytest.MonkeyPatch) -> None:
    """Both saw no value; the second one's is refused, because its version has the same id."""
    known = secrets.describe_secret(SecretId=KEY)
    assert ensure_session_key(secrets, KEY)
    key = secrets.get_secret_value(SecretId=KEY)["SecretString"]
    monkeypatch.setattr(secrets, "describe_secret", lambda **_: {**known, "VersionIdsToStages": {}})
    assert not ensure_session_key(secrets, KEY)
    assert secrets.get_secret_value(SecretId=KEY)["SecretString"] == key
