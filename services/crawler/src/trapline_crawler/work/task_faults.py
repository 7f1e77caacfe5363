"""A task whose work raised: it costs itself alone, is charged to a budget, and ends ``failed`` when that is used up."""

from trapline_common.domain.errors import LeaseLostError, LedgerUnavailableError, ResultRefusedError, TransientError
from trapline_common.domain.observation import Failure, Reason
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.completion import settle_failure
from trapline_common.platform.logging import get_logger
from trapline_crawler.work.held_work import HeldWork

LONGEST_DETAIL = 1000
"""Characters of an error that a task keeps."""

_log = get_logger("crawler")


async def wait_out(held_work: HeldWork, task: tasks.LeasedTask, error: TransientError) -> None:
    """Give a task back because something of ours that its visit needs is away; fail it when that goes on.

    It comes again after a time that doubles. A lost lease is counted.
    """
    failure = Failure(reason=Reason.UNAVAILABLE, detail=str(error)[:LONGEST_DETAIL], retry=True)
    _log.warning("task_waits", task_id=task.lease.task_id, url=task.url, reason=failure.detail)
    try:
        if await tasks.outage(held_work.database, task.lease, failure=failure):
            held_work.counters.rescued += 1
        else:
            await _fail(held_work, task, failure)
    except LeaseLostError:
        held_work.counters.stale += 1


async def give_up(held_work: HeldWork, task: tasks.LeasedTask, error: Exception) -> None:
    """Charge a task whose work raised what it never should. A lost lease is counted."""
    _log.error("task_broke", task_id=task.lease.task_id, url=task.url, exc_info=error)
    detail = str(error) if isinstance(error, ResultRefusedError) else f"{type(error).__name__}: {error}"
    failure = Failure(reason=Reason.BROWSER, detail=detail[:LONGEST_DETAIL], retry=True)
    try:
        # Another visit would find what the ledger refused again.
        if isinstance(error, ResultRefusedError) or not await held_work.charge(task, failure):
            await _fail(held_work, task, failure)
    except LeaseLostError:
        held_work.counters.stale += 1


async def pass_poison(held_work: HeldWork, task: tasks.LeasedTask, detail: str) -> None:
    """Record the page that the task stands at as poison, of as many deaths as ``detail`` says; count a lost lease."""
    failure = Failure(reason=Reason.POISON, detail=detail, retry=False)
    try:
        await _fail(held_work, task, failure)
    except LeaseLostError:
        held_work.counters.stale += 1


async def _fail(held_work: HeldWork, task: tasks.LeasedTask, failure: Failure) -> None:
    """Record the page that the task stands at as failed, with its alert; an ordered task goes on behind it.

    A task whose result can't be written ends ``failed`` without one. Raises ``LeaseLostError``.
    """
    database = held_work.database
    try:
        await _record(held_work, task, failure)
    except LedgerUnavailableError:
        raise
    except Exception:
        if not await tasks.is_held(database, task.lease):
            raise
        _log.exception("task_failed_unrecorded", task_id=task.lease.task_id, run_id=task.run_id)
        await tasks.fail_unjudged(database, task.lease, failure=failure)
        held_work.counters.failed += 1


async def _record(held_work: HeldWork, task: tasks.LeasedTask, failure: Failure) -> None:
    database = held_work.database
    verdict, ends = await settle_failure(
        database,
        task.lease,
        run=await runs.failing(database, task.run_id),
        urls=task.urls or (task.url,),
        at=await tasks.progress(database, task.lease),
        failure=failure,
        location=held_work.services.artifacts.location,
    )
    if ends:
        held_work.counters.failed += 1
    if any(not alert.muted for alert in verdict.alerts):
        held_work.nudges.alert_written()
