"""Count a lane, insert exactly what is missing, and ask Lambda for each row once."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import invocations, lanes
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")

ASK_AT_ONCE = 16
"""Invoke calls in flight: a cap of 1,000 is asked for in seconds, far below Lambda's own request rate."""


class InvokeOutcome(StrEnum):
    """What became of one Invoke."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: the row is ``failed``
    UNKNOWN = "unknown"  # the row stays ``created`` and is asked for again with the same id
    NOT_OURS = "not_ours"  # another asks, or the crawler already runs


async def count_and_ask(services: Services, database: Database, lane: LaneName, *, hop: int = 0) -> int:
    """Plan the lane, commit, then ask for each new invocation; return how many were missing.

    Keeps guarantee 4: no invocation is asked for that the count did not ask for.
    """
    planned = await lanes.plan(
        database, lane, hop=hop, at_most=services.at_most, longest_pause=services.timeouts.longest_pause
    )
    if planned.above_cap:
        trimmed = await lanes.trim(database, lane)
        _log.info("lane_above_cap", lane=lane, above=planned.above_cap, ended=trimmed)
    if planned.pause > 0:
        # The next count after the pause asks again; on AWS that is the one of the minute's tick at the latest.
        _log.error(
            "lane_pauses",
            lane=lane,
            false_starts=planned.false_starts,
            seconds=planned.pause,
            waiting=planned.load.waiting,
        )
    outcomes = await ask_all(services, database, planned.created)
    if planned.missing:
        _log.info(
            "invocations_asked",
            lane=lane,
            waiting=planned.load.waiting,
            idle=planned.load.idle,
            running=planned.load.running,
            missing=planned.missing,
            refused=outcomes.count(InvokeOutcome.REFUSED),
            unknown=outcomes.count(InvokeOutcome.UNKNOWN),
        )
    return planned.missing


async def ask_all(services: Services, database: Database, ids: Sequence[InvocationId]) -> list[InvokeOutcome]:
    """Ask for several invocations, a bounded number at once.

    One that fails (the ledger is gone) stops no other: its error is raised when all have ended, so that none goes on
    behind the back of the caller, who closes the connection.
    """
    gate = asyncio.Semaphore(ASK_AT_ONCE)

    async def one(invocation_id: InvocationId) -> InvokeOutcome:
        async with gate:
            return await ask(services, database, invocation_id)

    outcomes: list[InvokeOutcome] = []
    for result in await asyncio.gather(*(one(invocation_id) for invocation_id in ids), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        outcomes.append(result)
    return outcomes


async def ask(services: Services, database: Database, invocation_id: InvocationId) -> InvokeOutcome:
    """Claim the row, call Invoke, and record its outcome. A crash anywhere leaves a row that is asked for again."""
    claim = await invocations.claim_asking(database, invocation_id, again_after=services.timeouts.ask_again_after)
    if claim is None:
        return InvokeOutcome.NOT_OURS
    message = Crawl(invocation_id=invocation_id, lane=claim.lane, hop=claim.hop)
    try:
        await services.invoker.invoke(message.event())
    except RefusedError as error:
        await invocations.mark_refused(database, invocation_id, detail=str(error))
        _log.error("invoke_refused", invocation_id=str(invocation_id), lane=claim.lane, reason=str(error))
        return InvokeOutcome.REFUSED
    except TransientError as error:
        # Not re-raised: the row itself is what retries it, with the same id, after ``ask_again_after``.
        _log.warning("invoke_unanswered", invocation_id=str(invocation_id), lane=claim.lane, reason=str(error))
        return InvokeOutcome.UNKNOWN
    await invocations.mark_pending(database, invocation_id)
    return InvokeOutcome.ACCEPTED
