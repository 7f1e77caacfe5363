"""Telling a ``trapline crawl`` that works on this ledger that there is something new."""

from trapline_common.ledger.connection import Database
from trapline_common.local.nudges import PostgresNudger


def nudger(dsn: str) -> PostgresNudger:
    """Return the way to a working command. A nudge is lost when nobody listens: whoever comes next counts anyway."""

    async def connect() -> Database:
        return await Database.connect(dsn)

    return PostgresNudger(connect)
