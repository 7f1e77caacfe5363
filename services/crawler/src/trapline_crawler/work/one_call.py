"""What one call of the function does for an invocation: it works, sends heartbeats, and ends or lets go in order.

An ordinary invocation has one call. A durable one has many: each is a slice of its work, and between two it rests.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trapline_common.domain.errors import LeaseLostError, TraplineError
from trapline_common.domain.messages import MAX_HOP, Count
from trapline_common.ledger import invocations, rescue, slices, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Beat, Held
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_crawler.services import Services
from trapline_crawler.time_budget import TimeBudget
from trapline_crawler.work.counters import Counters
from trapline_crawler.work.guarded_visitor import GuardedVisitor
from trapline_crawler.work.heartbeat import beat
from trapline_crawler.work.held_work import HeldWork
from trapline_crawler.work.ledger_contact import LedgerContact, LedgerSilentError
from trapline_crawler.work.loop import WorkLoop
from trapline_crawler.work.notifier_nudges import NotifierNudges
from trapline_crawler.work.rest import Rest

NUDGES_WITHIN = 5.0
"""Seconds for the last nudges: losing one costs a minute, and waiting longer could cost the ordered end."""

_log = get_logger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the slice before left to this one."""

    adopted: Sequence[slices.Adopted] = ()
    """The tasks that the invocation holds."""
    running: bool = False
    """Whether the invocation has held a task already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """How one call of the function ended for its invocation."""

    counters: Counters = field(default_factory=Counters)
    """What it did."""
    lost: bool = False
    """Whether the invocation was taken away."""
    rest: float | None = None
    """Seconds until the next slice; ``None``: the invocation has ended, or is lost."""


async def work_one_call(
    services: Services,
    database: Database,
    held: Held,
    *,
    contact: LedgerContact,
    deadline: Deadline,
    stop: asyncio.Event,
    before: Before | None = None,
    rest: Rest | None = None,
) -> Worked:
    """Work until the invocation ends in order, rests, or is lost, with a browser of its own that is closed then.

    ``rest``: the call is a slice, and keeps what it can't finish. Raises the error that broke the work off: the caller
    says what becomes of the invocation. Keeps guarantee 4: what holds the ledger's slot is this coroutine, and the
    process ends when it can't.
    """
    nudges = NotifierNudges(services.nudger, clock=deadline.clock)
    try:
        visitor = GuardedVisitor(services.visitor(), contact)
        try:
            budget = TimeBudget(deadline, stop, reserve=services.pace.reserve)
            held_work = HeldWork(services, database, held, visitor=visitor, nudges=nudges, budget=budget, rest=rest)
            loop = WorkLoop(held_work)
            taken = await _work(held_work, loop, contact, before or Before())
        finally:
            await visitor.close()
        if taken is None and rest is not None and rest.seconds is not None:
            if await slices.rest(database, held, rest.seconds):
                return Worked(counters=held_work.counters, rest=rest.seconds)
        elif taken is None and await _end(held_work, loop):
            return Worked(counters=held_work.counters)
        await _let_go(held_work, loop, contact, taken)
        return Worked(counters=held_work.counters, lost=True)
    finally:
        await nudges.flush(within=min(NUDGES_WITHIN, deadline.left))


async def _work(
    held_work: HeldWork, loop: WorkLoop, contact: LedgerContact, before: Before
) -> LeaseLostError | LedgerSilentError | None:
    """Work until there is nothing more to do, or return why the invocation is no longer this process's."""
    try:
        await _with_heartbeat(held_work, loop, contact, before)
    except (LeaseLostError, LedgerSilentError) as error:
        # Orphaned, failed from outside, cancelled, or so long without the ledger that it will be orphaned.
        _log.warning("invocation_lost", invocation_id=str(held_work.held.invocation_id), reason=str(error))
        return error
    return None


async def _with_heartbeat(held_work: HeldWork, loop: WorkLoop, contact: LedgerContact, before: Before) -> None:
    """Work, send heartbeats and watch the clock; the first of the three that ends cancels the others."""

    def on_beat(answer: Beat) -> None:
        held_work.renew(answer.held)
        if answer.above_cap and not held_work.budget.ending:
            _log.info("above_cap", invocation_id=str(answer.held.invocation_id), lane=answer.held.lane)
            held_work.budget.wind_down()

    every = held_work.services.pace.heartbeat
    watching = asyncio.create_task(contact.until_silent())
    beating = asyncio.create_task(
        beat(held_work.database, held_work.held, every=every, contact=contact, on_beat=on_beat)
    )
    working = asyncio.create_task(_go_on(loop, before))
    everything = (watching, working, beating)  # a silence says more than the errors that it causes
    try:
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for other in everything:
            if not other.done():
                other.cancel()
        results = await asyncio.gather(*everything, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


async def _go_on(loop: WorkLoop, before: Before) -> None:
    await loop.adopt(before.adopted, running=before.running)
    await loop.run()


async def _let_go(
    held_work: HeldWork, loop: WorkLoop, contact: LedgerContact, taken: LeaseLostError | LedgerSilentError | None
) -> None:
    """Tell the ledger that no page of an invocation that was taken away is open any more: its slot may be given away.

    After a silence the ledger may be out of reach, or may not have noticed it: its tasks go back at once if it answers
    soon enough. If not, the reaper does all this when the time to live is over.
    """
    if not isinstance(taken, LedgerSilentError):
        await loop.refuse_late()
        await invocations.end_cancelled(held_work.database, held_work.held)
        return
    telling = asyncio.create_task(_tell_silence(held_work, taken))
    await asyncio.wait({telling}, timeout=contact.grace / 2)
    if not telling.done():
        held_work.database.connection.terminate()  # no server answers at the other end: do not wait for a farewell
        telling.cancel()
    await asyncio.wait({telling}, timeout=contact.grace / 4)


async def _tell_silence(held_work: HeldWork, silence: LedgerSilentError) -> None:
    services, held = held_work.services, held_work.held
    reason, location = type(silence).__name__, services.artifacts.location
    try:
        await rescue.fail_own(held_work.database, held, reason=reason, detail=str(silence), location=location)
    except TraplineError as error:
        _log.warning("failure_not_recorded", invocation_id=str(held.invocation_id), reason=str(error))


async def fail(services: Services, database: Database, held: Held, error: Exception) -> None:
    """Record the error that broke the work off, and give the tasks back; started ones are charged."""
    reason, detail = type(error).__name__, str(error)[:1000]
    try:
        await rescue.fail_own(
            database, held, reason=reason, detail=detail or None, location=services.artifacts.location
        )
    except TraplineError as second:
        # The ledger is out of reach; the reaper finds the row by its heartbeats. The first error is the one to raise.
        _log.warning("failure_not_recorded", invocation_id=str(held.invocation_id), reason=str(second))


async def count_again(services: Services, database: Database, held: Held) -> None:
    """Have the lane counted, if tasks of it are due, that running invocations will not take."""
    if held.hop < MAX_HOP and await tasks.due(database, held.lane):
        await services.nudger.nudge("dispatcher", Count(lane=held.lane, hop=held.hop + 1).event())


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
