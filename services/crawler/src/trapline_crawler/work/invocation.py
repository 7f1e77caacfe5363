"""One invocation from its ``ready`` to its end in order, in error, or taken away."""

import asyncio
from typing import Any

from trapline_common.domain.errors import LeaseLostError, TraplineError
from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.domain.messages import MAX_HOP, Count, Crawl
from trapline_common.ledger import invocations, rescue, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_crawler.services import Services
from trapline_crawler.time_budget import TimeBudget
from trapline_crawler.work.heartbeat import beat
from trapline_crawler.work.held_work import HeldWork
from trapline_crawler.work.loop import WorkLoop
from trapline_crawler.work.notifier_nudges import NotifierNudges

NUDGES_WITHIN = 5.0
"""Seconds for the last nudges: losing one costs a minute, and waiting longer could cost the ordered end."""

_log = get_logger("crawler")


async def live(
    services: Services, message: Crawl, *, request_id: str, deadline: Deadline, stop: asyncio.Event
) -> dict[str, Any]:
    """Take an invocation from ``ready`` to its end, and return what it did.

    The first step is ``-> ready``, before the browser starts; an event delivered twice, or late, ends here without
    work. Raises the error that ended the invocation, after it went ``-> failed`` and its tasks went back.
    """
    async with await services.connect() as database:
        held = await invocations.become_ready(
            database,
            InvocationId(message.invocation_id),
            owner=OwnerToken(services.new_token()),
            request_id=request_id,
            process_name=services.process_name,
        )
        if held is None:
            _log.info("duplicate_delivery", invocation_id=str(message.invocation_id))
            return {"duplicate": True}
        nudges = NotifierNudges(services.nudger, clock=deadline.clock)
        try:
            return await _live(services, database, held, nudges=nudges, deadline=deadline, stop=stop)
        finally:
            await nudges.flush(within=min(NUDGES_WITHIN, deadline.left))


async def _live(
    services: Services,
    database: Database,
    held: Held,
    *,
    nudges: NotifierNudges,
    deadline: Deadline,
    stop: asyncio.Event,
) -> dict[str, Any]:
    try:
        visitor = services.visitor()
        try:
            budget = TimeBudget(deadline, stop, reserve=services.pace.reserve)
            held_work = HeldWork(services, database, held, visitor=visitor, nudges=nudges, budget=budget)
            loop = WorkLoop(held_work)
            lost = await _work(held_work, loop)
        finally:
            await visitor.close()
        if lost or not await _end(held_work, loop):
            return {"lost": True, **held_work.counters.facts()}
    except Exception as error:
        await _fail(services, database, held, error)
        raise
    if not stop.is_set() and held.hop < MAX_HOP and await tasks.due(database, held.lane):
        await services.nudger.nudge("dispatcher", Count(lane=held.lane, hop=held.hop + 1).event())
    return held_work.counters.facts()


async def _work(held_work: HeldWork, loop: WorkLoop) -> bool:
    """Work until there is nothing more to do; say whether the invocation was taken away meanwhile."""
    try:
        await _with_heartbeat(held_work, loop)
    except LeaseLostError as error:
        # Orphaned, failed from outside or terminated: other invocations have the tasks now, or they are cancelled.
        await loop.refuse_late()
        _log.warning("invocation_lost", invocation_id=str(held_work.held.invocation_id), reason=str(error))
        return True
    return False


async def _with_heartbeat(held_work: HeldWork, loop: WorkLoop) -> None:
    """Work and send heartbeats meanwhile; the first of the two that ends cancels the other."""
    beating = asyncio.create_task(beat(held_work.database, held_work.held, every=held_work.services.pace.heartbeat))
    working = asyncio.create_task(loop.run())
    try:
        await asyncio.wait({beating, working}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for other in (working, beating):
            if not other.done():
                other.cancel()
        results = await asyncio.gather(working, beating, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


async def _fail(services: Services, database: Database, held: Held, error: Exception) -> None:
    """Record the error and give the tasks back; started ones are charged."""
    reason, detail = type(error).__name__, str(error)[:1000]
    try:
        await rescue.fail_own(
            database, held, reason=reason, detail=detail or None, location=services.artifacts.location
        )
    except TraplineError as second:
        # The ledger is out of reach; the reaper finds the row by its heartbeats. The first error is the one to raise.
        _log.warning("failure_not_recorded", invocation_id=str(held.invocation_id), reason=str(second))


async def _end(held_work: HeldWork, loop: WorkLoop) -> bool:
    """Write the status of an ordered end; ``False`` when the invocation was taken away just now."""
    held = held_work.held
    if loop.leased_any:
        ended = await invocations.succeed(held_work.database, held)
    else:
        reason = "asked to stop before it leased" if held_work.budget.stop.is_set() else "nothing was left to lease"
        ended = await invocations.terminate_ready(held_work.database, held, reason)
    _log.info("invocation_ended", invocation_id=str(held.invocation_id), in_order=ended, **held_work.counters.facts())
    return ended
