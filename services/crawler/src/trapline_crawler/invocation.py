"""One invocation's life: ready, work, a proper end."""

import asyncio
from typing import Any

from trapline_common.errors import LeaseLostError, TraplineError
from trapline_common.ids import InvocationId, OwnerToken
from trapline_common.lambda_runtime import Deadline
from trapline_common.logging import get_logger
from trapline_common.messages import MAX_HOP, Count, Crawl
from trapline_common.store import invocations, rescue, tasks
from trapline_common.store.database import Database
from trapline_common.store.invocations import Held

from trapline_crawler.heartbeat import beat
from trapline_crawler.holding import Holding
from trapline_crawler.services import Services
from trapline_crawler.work import WorkLoop

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
        visitor = services.visitor()
        try:
            holding = Holding(services, database, held, visitor=visitor, deadline=deadline, stop=stop)
            return await _work(services, database, holding)
        finally:
            await visitor.close()


async def _work(services: Services, database: Database, holding: Holding) -> dict[str, Any]:
    loop = WorkLoop(holding)
    try:
        await _with_heartbeat(database, holding, loop)
    except LeaseLostError as error:
        # Orphaned, failed from outside or terminated: the tasks are others' now, or cancelled.
        _log.warning("invocation_lost", invocation_id=str(holding.held.invocation_id), reason=str(error))
        return {"lost": True, **holding.tally.facts()}
    except Exception as error:
        await _fail(services, database, holding.held, error)
        raise
    await _end(database, holding, loop)
    return holding.tally.facts()


async def _with_heartbeat(database: Database, holding: Holding, loop: WorkLoop) -> None:
    """Work with the heart beating beside; whichever fails first ends the other."""
    beating = asyncio.create_task(beat(database, holding.held, every=holding.services.pace.heartbeat))
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
    reason = f"{type(error).__name__}: {error}"[:1000]
    try:
        await rescue.fail_own(database, held, reason=reason, place=services.artifacts.place)
    except TraplineError as second:
        # The ledger is out of reach; the reaper will find the row by its heartbeats. The first error is the one to raise.
        _log.warning("failure_not_recorded", invocation_id=str(held.invocation_id), reason=str(second))


async def _end(database: Database, holding: Holding, loop: WorkLoop) -> None:
    """End in order: nothing held, the last nudges out, the status written, and the dispatcher told if tasks remain."""
    held = holding.held
    await holding.nudges.flush()
    if loop.leased_any:
        ended = await invocations.succeed(database, held)
    else:
        ended = await invocations.terminate_ready(database, held, "nothing was left to lease")
    _log.info("invocation_ended", invocation_id=str(held.invocation_id), in_order=ended, **holding.tally.facts())
    if not holding.stop.is_set() and held.hop < MAX_HOP and await tasks.due(database, held.lane):
        await holding.services.nudger.nudge("dispatcher", Count(lane=held.lane, hop=held.hop + 1).event())
