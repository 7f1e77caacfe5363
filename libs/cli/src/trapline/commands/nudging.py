"""Telling a ``trapline crawl`` that works on this ledger that there is something new; on AWS the minute tick sees it."""

from trapline_common.ids import LaneName
from trapline_common.local.nudges import PostgresNudger
from trapline_common.messages import Count
from trapline_common.store.database import Database


def nudger(dsn: str) -> PostgresNudger:
    """Return the way to a working command. A nudge is lost when nobody listens: whoever comes next counts anyway."""

    async def connect() -> Database:
        return await Database.connect(dsn)

    return PostgresNudger(connect)


async def count_again(dsn: str, lane: LaneName) -> None:
    """Have the lane counted now."""
    await nudger(dsn).nudge("dispatcher", Count(lane=lane).event())
