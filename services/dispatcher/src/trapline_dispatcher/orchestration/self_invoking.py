"""Ask Lambda for rows by asynchronous Invokes, each row once.

This is the dispatcher's own way, and the way of a durable function, which has an invoker of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import Crawl
from trapline_common.domain.ports import Invoker
from trapline_common.ledger import invocations
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")
T = TypeVar("T")

ASK_AT_ONCE = 16
"""Invoke calls in flight: a cap of 1,000 is asked for in seconds, far below Lambda's own request rate."""


class InvokeOutcome(StrEnum):
    """What became of one Invoke."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: the row is ``failed``
    UNKNOWN = "unknown"  # the row stays ``created`` and is asked for again with the same id
    NOT_OURS = "not_ours"  # another asks, or the crawler already runs


async def invoke_all(
    services: Services, database: Database, ids: Sequence[InvocationId], invoker: Invoker
) -> list[InvokeOutcome]:
    """Ask ``invoker`` for several invocations."""

    async def ask(invocation_id: InvocationId) -> InvokeOutcome:
        return await _ask(services, database, invocation_id, invoker)

    return await each(ask, ids)


async def each(ask: Callable[[T], Awaitable[InvokeOutcome]], wanted: Sequence[T]) -> list[InvokeOutcome]:
    """Ask for each, a bounded number at once.

    One that fails (the ledger is gone) stops no other: its error is raised when all have ended, so that none goes on
    behind the back of the caller, who closes the connection.
    """
    gate = asyncio.Semaphore(ASK_AT_ONCE)

    async def one(item: T) -> InvokeOutcome:
        async with gate:
            return await ask(item)

    outcomes: list[InvokeOutcome] = []
    for result in await asyncio.gather(*(one(item) for item in wanted), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        outcomes.append(result)
    return outcomes


async def _ask(services: Services, database: Database, invocation_id: InvocationId, invoker: Invoker) -> InvokeOutcome:
    """Claim the row, call Invoke, and record its outcome. A crash anywhere leaves a row that is asked for again."""
    claim = await invocations.claim_asking(database, invocation_id, again_after=services.timeouts.ask_again_after)
    if claim is None:
        return InvokeOutcome.NOT_OURS
    return await invoke(database, Crawl(invocation_id=invocation_id, lane=claim.lane, hop=claim.hop), invoker)


async def invoke(database: Database, message: Crawl, invoker: Invoker) -> InvokeOutcome:
    """Call Invoke for a row that the caller has claimed, and record its outcome."""
    invocation_id = InvocationId(message.invocation_id)
    try:
        await invoker.invoke(message.event())
    except RefusedError as error:
        await invocations.mark_refused(database, invocation_id, detail=str(error))
        _log.error("invoke_refused", invocation_id=str(invocation_id), lane=message.lane, reason=str(error))
        return InvokeOutcome.REFUSED
    except TransientError as error:
        # Not re-raised: the row itself is what retries it, with the same id, after ``ask_again_after``.
        _log.warning("invoke_unanswered", invocation_id=str(invocation_id), lane=message.lane, reason=str(error))
        return InvokeOutcome.UNKNOWN
    await invocations.mark_pending(database, invocation_id)
    return InvokeOutcome.ACCEPTED
