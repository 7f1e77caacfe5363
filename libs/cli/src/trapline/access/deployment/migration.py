"""What `trapline migrate` does in a deployment: the schema, the services' roles, and the session key."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from trapline.access.ledger import connect
from trapline_common.aws.calls import CLIENT_CONFIG, call
from trapline_common.aws.ledger_admin import ADMIN_ADDRESS, ADMIN_SECRET, administrator, by_token
from trapline_common.aws.session_key import SESSION_KEY_PARAMETER, ensure_session_key
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError, TransientError
from trapline_common.ledger.connection import Database, refuses_log_in
from trapline_common.ledger.schema.grants import apply_grants
from trapline_common.ledger.schema.migrate import LOCK_KEY, TIMEOUT, Migration, migrate, migrations

LEDGER_MADE = "ledger_made"
"""What the metric filter of ``terraform/modules/alarms`` counts as the first sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedDeployment:
    """What was done."""

    applied: list[Migration]
    """The migrations that the database lacked, oldest first."""
    granted: str
    """What became of the services' roles, in words for a person."""
    session_key: str
    """What became of the session key, in words for a person."""


async def migrate_deployment(environ: Mapping[str, str]) -> MigratedDeployment:
    """Migrate as the administrator, apply the grants, and make the session key unless there is one; safe to repeat.

    Raises ``InputRefusedError`` for an environment without an administrator, ``LedgerUnavailableError``,
    ``TransientError`` when a secret can't be reached, ``asyncpg.PostgresError`` for a migration that fails.
    """
    secrets = boto3.client("secretsmanager", config=CLIENT_CONFIG)
    try:
        address = administrator(environ, secrets)
        if address is None:
            raise InputRefusedError(f"environment: {ADMIN_SECRET} or {ADMIN_ADDRESS} must say who the administrator is")
        async with await _log_in(address, environ) as database:
            applied = await migrate(database)
            if applied == migrations():
                _tell(LEDGER_MADE)
            granted = await apply_grants(database)
            made = await _session_key(database, environ.get(SESSION_KEY_PARAMETER))
    except (BotoCoreError, ClientError) as error:
        raise TransientError(str(error)) from error
    return MigratedDeployment(
        applied=applied,
        granted="granted" if granted else "left alone: a newer release has migrated this database",
        session_key={True: "made", False: "kept", None: "none asked for"}[made],
    )


def _tell(event: str) -> None:
    """Write a line into the function's own log, which filters read; what a command prints goes to its caller."""
    if sys.__stderr__ is not None:
        sys.__stderr__.write(json.dumps({"event": event, "level": "info", "logger": "trapline.operator"}) + "\n")
        sys.__stderr__.flush()


async def _session_key(database: Database, name: str | None) -> bool | None:
    """Make the session key unless there is one, in turn with other migrations; ``None``: none is asked for."""
    if name is None:
        return None
    parameters = boto3.client("ssm", config=CLIENT_CONFIG)
    async with database.transaction():
        await database.connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY, timeout=TIMEOUT)
        return await call(partial(ensure_session_key, parameters, name))


async def _log_in(with_password: str, environ: Mapping[str, str]) -> Database:
    """Connect as the administrator: with the password, and where Postgres refuses it, with a token.

    Raises ``LedgerUnavailableError`` that says what became of each.
    """
    try:
        return await connect(with_password)
    except LedgerUnavailableError as error:
        with_token = by_token(environ, with_password)
        if with_token is None or not refuses_log_in(error):
            raise
        try:
            return await connect(await call(with_token))
        except LedgerUnavailableError as second:
            raise LedgerUnavailableError(f"with the password: {error}; with a token: {second}") from second
