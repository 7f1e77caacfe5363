"""One invocation's life: ready, work, a proper end."""

import asyncio
from typing import Any

from trapline_common.domain.errors import LeaseLostError, LedgerUnavailableError, TransientError, TraplineError
from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.domain.messages import MAX_HOP, Count, Crawl
from trapline_common.ledger import invocations, rescue, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_crawler.services import Services
from trapline_crawler.work.heartbeat import beat
from trapline_crawler.work.held_work import Holding
from trapline_crawler.work.loop import WorkLoop
from trapline_crawler.work.notifier_nudges import NotifierNudges

NUDGES_WITHIN = 5.0
"""Seconds the last nudges get: a nudge may be lost, and must not cost an ordered end."""

_log = get_logger("crawler")


async def live(
    services: Services, message: Crawl, *, request_id: str, deadline: Deadline, stop: asyncio.Event
) -> dict[str, Any]:
    """Take an invocation from ``ready`` to its end, and return what it did.

    The first step is ``-> ready``, before the browser starts; an event delivered twice, or late, ends here without work.
    Raises what ended it in error, after it went ``-> failed`` and what it held went back.
    """
    async with await services.connect() as database:
        held = await invocations.become_ready(
            database,
            InvocationId(message.invocation_id),
            owner=OwnerToken(services.new_token()),
            request_id=request_id,
            place=services.host,
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
            holding = Holding(services, database, held, visitor=visitor, nudges=nudges, deadline=deadline, stop=stop)
            loop = WorkLoop(holding)
            lost = await _work(holding, loop)
        finally:
            await visitor.close()
        if lost or not await _end(holding, loop):
            return {"lost": True, **holding.tally.facts()}
    except Exception as error:
        await _fail(services, database, held, error)
        raise
    if not stop.is_set() and held.hop < MAX_HOP and await tasks.due(database, held.lane):
        await services.nudger.nudge("dispatcher", Count(lane=held.lane, hop=held.hop + 1).event())
    return holding.tally.facts()


async def _work(holding: Holding, loop: WorkLoop) -> bool:
    """Work until there is nothing more to do; say whether the invocation was taken away meanwhile."""
    try:
        await _with_heartbeat(holding, loop)
    except LeaseLostError as error:
        # Orphaned, failed from outside or terminated: the tasks are others' now, or cancelled.
        await loop.refuse_late()
        _log.warning("invocation_lost", invocation_id=str(holding.held.invocation_id), reason=str(error))
        return True
    return False


async def _with_heartbeat(holding: Holding, loop: WorkLoop) -> None:
    """Work with the heart beating beside; whichever fails first ends the other."""
    beating = asyncio.create_task(beat(holding.database, holding.held, every=holding.services.pace.heartbeat))
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
    """Record the error, and give back what is held; started tasks are charged, unless nothing here is to blame."""
    reason, detail = type(error).__name__, str(error)[:1000]
    try:
        if isinstance(error, TransientError) and not isinstance(error, LedgerUnavailableError):
            await tasks.hand_back(database, held)  # the artifact store is away: no page is poison for that
        await rescue.fail_own(database, held, reason=reason, detail=detail or None, place=services.artifacts.place)
    except TraplineError as second:
        # The ledger is out of reach; the reaper will find the row by its heartbeats. The first error is the one to raise.
        _log.warning("failure_not_recorded", invocation_id=str(held.invocation_id), reason=str(second))


async def _end(holding: Holding, loop: WorkLoop) -> bool:
    """Write the status in which it ends in order; ``False`` when the invocation was taken away just now."""
    held = holding.held
    if loop.leased_any:
        ended = await invocations.succeed(holding.database, held)
    else:
        reason = "told to stop before it leased" if holding.stop.is_set() else "nothing was left to lease"
        ended = await invocations.terminate_ready(holding.database, held, reason)
    _log.info("invocation_ended", invocation_id=str(held.invocation_id), in_order=ended, **holding.tally.facts())
    return ended
