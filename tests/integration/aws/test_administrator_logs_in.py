"""After the first deploy the administrator still gets in, on a Postgres that has the role ``rds_iam`` as RDS has it.

RDS asks ``+rds_iam`` for a token and takes no password of it; here ``pg_hba.conf`` has such a line. RDS lets its
administrator grant ``rds_iam`` without being its member, which Postgres itself does not: so a superuser lends the
membership after the log-in, and takes it back when the migration is done, with the grants that were made by then.
"""

import functools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import boto3
import pytest
from moto import mock_aws

from support.postgres import as_role, postgres_of, with_database
from support.quick_folder import quick_folder
from trapline.access.deployment.migration import migrate_deployment
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.grants import ROLES, apply_grants
from trapline_common.ledger.schema.migrate import migrate, migrations

ADMIN = "trapline_admin"
PLAINLY = f"SET createrole_self_grant = ''; CREATE ROLE plain LOGIN; REVOKE plain FROM {ADMIN}"
"""A role made in the usual way: neither keeps its maker from being a member."""


@contextmanager
def rds(major: int, rule: str) -> Iterator[str]:
    """Run a Postgres with ``rule`` for members of rds_iam; yield the superuser's DSN."""
    with (
        quick_folder() as folder,
        postgres_of(major, folder / "data", hba=[f"local all +rds_iam {rule}"]) as server,
    ):
        yield server.dsn


async def prepare(server: str) -> "asyncpg.Connection[Any]":
    """Make the administrator, its database and rds_iam; return the superuser's connection."""
    superuser = await asyncpg.connect(server)
    await superuser.execute(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB")
    await superuser.execute("CREATE ROLE rds_iam")
    await superuser.execute(f"CREATE DATABASE trapline OWNER {ADMIN}")
    return superuser


@asynccontextmanager
async def lent(superuser: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """Let the administrator grant rds_iam meanwhile; afterwards the services have it, and the administrator has not."""
    await superuser.execute(f"GRANT rds_iam TO {ADMIN} WITH ADMIN OPTION")
    yield
    for member in ROLES:
        held = "SELECT pg_has_role($1::name, 'rds_iam', 'MEMBER')"
        assert await superuser.fetchval(held, member), f"{member} was not granted rds_iam"
        await superuser.execute(f"GRANT rds_iam TO {member}")
    await superuser.execute(f"REVOKE rds_iam FROM {ADMIN} CASCADE")


@pytest.mark.parametrize("major", [16, 18])
async def test_the_administrator_logs_in_again_after_it_made_the_services_roles(major: int) -> None:
    """The second deploy can migrate: who made the roles is no member of rds_iam through them; the services are."""
    with rds(major, "reject") as server:
        superuser = await prepare(server)
        admin = as_role(with_database(server, "trapline"), ADMIN)
        async with await Database.connect(admin) as first:
            await migrate(first)
            async with lent(superuser):
                assert await apply_grants(first)
        async with await Database.connect(admin) as second:  # a member's log-in is rejected here
            assert await migrate(second) == []
            assert await apply_grants(second)
            await second.connection.execute(PLAINLY)
        with pytest.raises(LedgerUnavailableError, match="rejects connection"):
            await Database.connect(as_role(admin, "trapline_crawler"))
        assert await superuser.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = 'trapline_role_maker'") == 0
        await superuser.execute("GRANT rds_iam TO plain")
        with pytest.raises(LedgerUnavailableError, match="rejects connection"):
            await Database.connect(admin)  # so the rule does count members of members
        await superuser.close()


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sign one token for the administrator; later calls get the same, so that Postgres can be told to take it."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, text in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    with mock_aws():
        client = boto3.client("rds")
        sign = functools.cache(client.generate_db_auth_token)
        monkeypatch.setattr(client, "generate_db_auth_token", sign)
        made = boto3.client
        monkeypatch.setattr(boto3, "client", lambda name, **given: client if name == "rds" else made(name, **given))
        yield sign(DBHostname="ledger.example", Port=5432, DBUsername=ADMIN)


async def test_the_operator_logs_in_by_token_where_the_password_is_refused(token: str) -> None:
    """An administrator that counts as rds_iam all the same migrates by a token; without one both answers are told."""
    with rds(18, "scram-sha-256") as server:
        superuser = await prepare(server)
        await superuser.execute(f"GRANT rds_iam TO {ADMIN} WITH ADMIN OPTION")
        parts = urlsplit(with_database(server, "trapline"))
        environ = {
            "DATABASE_URL": urlunsplit(parts._replace(netloc="trapline_operator@ledger.example:5432")),
            "TRAPLINE_DATABASE_AUTH": "iam",
            "TRAPLINE_ADMIN_SECRET": "rds",
        }
        rds_own = json.dumps({"username": ADMIN, "password": "not-taken"})
        boto3.client("secretsmanager").create_secret(Name="rds", SecretString=rds_own)
        with pytest.raises(LedgerUnavailableError, match=r"with the password: .* with a token: ") as caught:
            await migrate_deployment(environ)
        assert "not-taken" not in str(caught.value)
        await superuser.execute(f"ALTER ROLE {ADMIN} PASSWORD '{token}'")
        assert (await migrate_deployment(environ)).applied == migrations()
        with pytest.raises(LedgerUnavailableError, match="password authentication failed") as without:
            await migrate_deployment({**environ, "TRAPLINE_DATABASE_AUTH": ""})
        assert "token" not in str(without.value)
        await superuser.close()
