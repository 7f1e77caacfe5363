"""The database itself: its time, and how new its schema is."""

from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, column_of

_QUERIES = load("views/database")


MOMENT: Read[datetime] = Read(query=_QUERIES["now"], made=lambda rows: column_of("at", datetime)(rows)[0])
"""The database's time, beside other reads."""


async def now(database: Database) -> datetime:
    """Return the database's time: the only clock by which ages are counted."""
    moment: datetime = await database.fetchval(_QUERIES["now"])
    return moment


async def schema_version(database: Database) -> int | None:
    """Return the newest applied migration's number; ``None`` when the schema is not there at all."""
    if await database.fetchval(_QUERIES["schema_version"]) is None:
        return None
    version: int = await database.fetchval(_QUERIES["newest_migration"])
    return version
