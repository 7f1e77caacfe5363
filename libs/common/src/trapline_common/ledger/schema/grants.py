"""The services' own roles in Postgres, each with what ``grants.sql`` gives it and nothing else."""

from importlib.resources import files

from trapline_common.ledger.connection import Database, ledger_errors
from trapline_common.ledger.schema.migrate import LOCK_KEY, TIMEOUT, migrations

ROLES = ("trapline_crawler", "trapline_dispatcher", "trapline_notifier", "trapline_operator", "trapline_reader")
"""One per service, one for the operator's commands and one for those that only look; ``roles.sql`` makes them."""
_NEWEST = "SELECT coalesce(max(version), 0) FROM trapline.migration"


async def apply_grants(database: Database) -> bool:
    """Make the roles and give them what this release needs, in one transaction; ``database`` is the administrator's.

    Safe to run again, and while services run: they see the old grants or the new ones. ``False``, and nothing done,
    when a newer release has migrated the database, because its grants cover more. Raises ``asyncpg.PostgresError`` when
    the caller may not make roles or does not own the schema.
    """
    connection = database.connection
    async with database.transaction():
        with ledger_errors():
            # In turn with migrations: two sessions that grant at once would fail each other
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY, timeout=TIMEOUT)
            if await connection.fetchval(_NEWEST) > migrations()[-1].version:
                return False
            for name in ("roles.sql", "grants.sql"):
                await connection.execute(files("trapline_common.ledger.schema").joinpath(name).read_text("utf-8"))
    return True
