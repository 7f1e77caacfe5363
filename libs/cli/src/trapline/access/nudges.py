"""Nudges to a ``trapline crawl`` that works on this ledger: there is something new to do."""

from trapline_common.ledger.connection import Database
from trapline_common.local.nudges import PostgresNudger


def nudger(dsn: str) -> PostgresNudger:
    """Return the way to a working command. A nudge without a listener is lost: the next command counts anyway."""

    async def connect() -> Database:
        return await Database.connect(dsn)

    return PostgresNudger(connect)
