"""Cancelling a run, however large: marked at once, its tasks ended in batches, then ended; no lock is held for long."""

import asyncio
import time
from collections.abc import Callable

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.ids import LaneName, RunId
from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.domain.messages import UNNAMED
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.ledger.run_end import Ending, end, log_end

_RUNS = load("runs")
_INVOCATIONS = load("invocations")

BATCH = 2_000
"""Tasks of one statement: about a tenth of a second, in which a crawler waits that writes a result for one of them."""

AT_ONCE = 100_000
"""Tasks whose numbers are read at once."""

GO_ON_AFTER = 30.0
"""Seconds after which the reap tick goes on with a cancel: longer than most take, and two at once do no harm."""

STUCK_AFTER = 20.0
"""Seconds for which a cancel finds its tasks locked by another transaction: longer than any of ours may lie idle."""

AGAIN = 0.05
"""Seconds before it looks again for tasks that were locked."""

CANCELLED = "cancelled"
"""The reason of the tasks."""


async def cancel(database: Database, run_id: RunId, *, acted_by: str = UNNAMED) -> int | None:
    """End a run at a person's request; its tasks end ``failed``, reason ``cancelled``. Return how many.

    ``acted_by``: who asked; the run's reason and its summary alert tell it.

    ``None`` when there is no such run or it has ended. When this returns none of the run's tasks can be leased; a
    crawler that took one meanwhile loses its lease before it loads the page, and the fence refuses what is written for
    it. A process that dies in the middle leaves the rest to the reap tick. Invocations that hold tasks of this run only
    are ``terminated``.

    Each transaction takes one lock that others wait for: first the run's row, so that nothing is added any more, then
    the lane's lock, for the invocations, then none for the tasks, at last the run's row. Raises
    ``LedgerUnavailableError`` when another transaction keeps a task locked: the tick goes on.
    """
    return await _cancel(database, run_id, acted_by=acted_by, in_time=lambda: True)


async def go_on(database: Database, *, until: float, clock: Callable[[], float]) -> int:
    """Go on with cancels that a dead process left, until ``clock`` says ``until``; return how many runs that ended."""
    ended = 0
    for row in await database.fetch(_RUNS["left_cancels"], GO_ON_AFTER):
        if clock() < until:
            run_id = RunId(row["id"])
            ended += await _cancel(database, run_id, acted_by=UNNAMED, in_time=lambda: clock() < until) is not None
    return ended


async def _cancel(database: Database, run_id: RunId, *, acted_by: str, in_time: Callable[[], bool]) -> int | None:
    lane = await database.fetchval(_RUNS["begin_cancel"], run_id, to_text(acted_by))
    if lane is None:
        return None
    async with database.transaction():
        await lanes.lock_exclusive(database, LaneName(lane))
        await database.fetch(_INVOCATIONS["terminate_by_run"], run_id, lane)
    while await _end_tasks(database, run_id, in_time=in_time):
        ending = await Ending.count(database, run_id)
        async with database.transaction():
            row = await database.fetchrow(_RUNS["lock"], run_id)
            if row is None or row["status"] == RunStatus.ENDED:
                return None  # another process went on with the same cancel, and was faster
            if await database.fetch(_RUNS["open_ids"], run_id, 1):
                continue  # the release before adds pages to a run that is being cancelled
            ended = await end(database, run_id, RunOutcome.CANCELLED, None, ending)
        log_end(*ended)
        return sum(one.count for one in ending.reasons if one.reason == CANCELLED)
    return None


async def _end_tasks(database: Database, run_id: RunId, *, in_time: Callable[[], bool]) -> bool:
    """End the run's tasks in batches, in the order in which they would be leased; say whether none is left open."""
    stuck_at = time.monotonic() + STUCK_AFTER
    while ids := [row["id"] for row in await database.fetch(_RUNS["open_ids"], run_id, AT_ONCE)]:
        ended = 0
        for start in range(0, len(ids), BATCH):
            if not in_time():
                return False
            ended += await database.fetchval(_RUNS["cancel_batch"], run_id, ids[start : start + BATCH])
        if ended:
            stuck_at = time.monotonic() + STUCK_AFTER
        elif time.monotonic() > stuck_at:
            raise LedgerUnavailableError(
                f"another transaction keeps {len(ids)} tasks of run {run_id} locked; the run is being cancelled, and "
                "the next minute's tick goes on with it"
            )
        else:
            await asyncio.sleep(AGAIN)
    return True
