"""An ordinary invocation: one call of the function, from its ``ready`` to its end."""

import asyncio
from contextlib import suppress
from typing import Any

from trapline_common.domain.errors import TraplineError
from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import answering, invocations, tasks
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_crawler.services import Services
from trapline_crawler.work.ledger_contact import LedgerContact
from trapline_crawler.work.one_call import count_again, fail, work_one_call
from trapline_crawler.work.reassurance import reassure

_log = get_logger("crawler")


async def live(
    services: Services, message: Crawl, *, request_id: str, deadline: Deadline, stop: asyncio.Event
) -> dict[str, Any]:
    """Take an invocation from ``ready`` to its end, and return what it did.

    The first step is ``-> ready``, before the browser starts; an event delivered twice, or late, ends here without
    work. Who waits for the end with a task token is noted before it, so that nobody waits for a row that no process
    knows of, and is answered after the end. Raises the error that ended the invocation, after it went ``-> failed`` and
    its tasks went back. Keeps guarantee 4: what holds the ledger's slot is this coroutine, and the process ends when it
    can't.
    """
    contact = LedgerContact(longest=services.pace.longest_silence, clock=services.clock, alarm=services.alarm)
    try:
        async with services.connected() as database:
            if message.task_token is None:
                return await _live(services, database, message, request_id, contact, deadline, stop)
            await answering.note_token(database, InvocationId(message.invocation_id), message.task_token)
            try:
                return await _live(services, database, message, request_id, contact, deadline, stop)
            finally:
                await _answer(services, database, message)
    finally:
        contact.over()


async def _live(
    services: Services,
    database: Database,
    message: Crawl,
    request_id: str,
    contact: LedgerContact,
    deadline: Deadline,
    stop: asyncio.Event,
) -> dict[str, Any]:
    sent_at = contact.now()
    held = await invocations.become_ready(
        database,
        InvocationId(message.invocation_id),
        owner=OwnerToken(services.new_token()),
        request_id=request_id,
        process_name=services.process_name,
        delivery=message.delivery,
    )
    if held is None:
        _log.info("duplicate_delivery", invocation_id=str(message.invocation_id))
        return {"duplicate": True}
    contact.reached(sent_at)
    reassuring = asyncio.create_task(reassure(services.waiters, message.task_token, every=services.pace.reassurance))
    try:
        worked = await work_one_call(services, database, held, contact=contact, deadline=deadline, stop=stop)
    except Exception as error:
        await fail(services, database, held, error)
        raise
    finally:
        reassuring.cancel()
        with suppress(asyncio.CancelledError):
            await reassuring
    did = worked.counters.facts()
    if worked.lost:
        return {"lost": True, **did}
    if message.delivery is not None:  # the execution that called it asks for another itself
        return {"due": await tasks.due(database, held.lane), **did}
    if not stop.is_set():
        await count_again(services, database, held)
    return did


async def _answer(services: Services, database: Database, message: Crawl) -> None:
    """Answer the token after the end; what fails here the reap tick repeats, and the invocation's own end stands."""
    if services.waiters is None:
        return
    try:
        await answering.answer(database, services.waiters, InvocationId(message.invocation_id))
    except TraplineError as error:
        _log.warning("waiter_not_answered", invocation_id=str(message.invocation_id), reason=str(error))
