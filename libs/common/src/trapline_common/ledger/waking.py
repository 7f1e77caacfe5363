"""Work is made while the minute's tick is awake: it is switched on before the commit, and nobody lets it sleep then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trapline_common.domain.ports import TickSchedule
from trapline_common.ledger import tick
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger

LOOK_AGAIN = 0.2
"""Seconds between two looks at a fall that another process is in the middle of; as a rule it takes two calls of AWS."""

_log = get_logger("tick")


@asynccontextmanager
async def awake(database: Database, schedule: TickSchedule | None) -> AsyncIterator[None]:
    """Make work in the block: the tick is awake before it, and stays so until it is over.

    ``schedule`` is ``None`` where the tick never sleeps. Raises ``TransientError`` where the tick can't be switched on:
    then no work is made that nobody would look after.
    """
    if schedule is None:
        yield
        return
    async with tick.held(database):
        await wake(database, schedule)
        yield


async def wake(database: Database, schedule: TickSchedule) -> int:
    """Switch the tick on unless it is; return the ledger's number of that.

    A fall that is under way is waited for: its call could come after ours. One whose process died is waited for as long
    as it could have taken, ``tick.FALLS_WITHIN``. Raises ``TransientError``.
    """
    while True:
        found = await tick.state(database)
        if found.awake:
            return found.number
        if found.falling:
            await asyncio.sleep(LOOK_AGAIN)
            continue
        await schedule.every_minute()
        number = await tick.woken(database, found.number)
        if number is not None:
            _log.info("tick_wakes")
            return number
        # Another process switched meanwhile; were it off by now, ours would have come before its.
