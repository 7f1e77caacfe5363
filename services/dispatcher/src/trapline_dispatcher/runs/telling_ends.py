"""Who waits for the end of a run or of an invocation hears it, and so does whoever subscribed to ends of runs.

Whoever ended it tells it after the commit; the reap tick tells what was not told then.
"""

from collections.abc import Mapping

from trapline_common.domain.answers import Awaited
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.messages import VERSION, Await
from trapline_common.ledger import announcing, answering, runs
from trapline_common.ledger.connection import Database
from trapline_dispatcher.services import Services

REFUSED = "Refused"
"""The name of the failure that is told to who waits with a message that is refused."""


async def await_end(services: Services, database: Database, message: Await) -> Awaited:
    """Note that the sender waits for a run's end. Raises ``MessageRefusedError`` when there is no such run."""
    run_id = None if message.run_id is None else RunId(message.run_id)
    if message.request is not None:
        run_id = await runs.of_request(database, message.request)
    if run_id is None or await runs.lane_of(database, run_id) is None:
        raise MessageRefusedError(f"no run {message.run_id or f'of request {message.request}'}")
    await answering.await_run(database, run_id, message.task_token, message.execution)
    # Looked at after the token was noted: whoever ends the run later finds it.
    ended = await runs.has_ended(database, run_id)
    if ended:
        await tell_end(services, database, run_id)
    return Awaited(run_id=run_id, ended=ended)


async def tell_end(services: Services, database: Database, run_id: RunId) -> None:
    """Tell the end of one run that has ended."""
    if services.announcer is not None:
        await announcing.announce(database, services.announcer, run_id)
    if services.waiters is not None:
        await answering.answer_runs(database, services.waiters, run_id)


async def announce_ends(services: Services, database: Database) -> int:
    """Announce every run's end that nobody has heard of; return of how many runs."""
    if services.announcer is None:
        await announcing.tell_nobody(database)
        return 0
    return await announcing.announce(database, services.announcer, settled=services.timeouts.tell_after)


async def answer_waiters(services: Services, database: Database) -> int:
    """Answer all who wait for an end that has come; return how many."""
    if services.waiters is None:
        return 0
    settled = services.timeouts.tell_after
    return await answering.answer(database, services.waiters, settled=settled) + await answering.answer_runs(
        database, services.waiters, settled=settled
    )


async def tell_refused(services: Services, event: object, reason: str) -> None:
    """Tell the sender of a refused message, if it waits with a task token: it would wait for a run that never comes.

    Raises ``TransientError``.
    """
    token = event.get("task_token") if isinstance(event, Mapping) else None
    if services.waiters is not None and isinstance(token, str) and token:
        await services.waiters.answer(token, {"v": VERSION, "reason": reason}, error=REFUSED)
