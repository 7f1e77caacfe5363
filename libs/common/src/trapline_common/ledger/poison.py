"""Poison: a task whose budget of rescues is used up ends ``failed``, whatever stands in its way."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg

from trapline_common.domain.errors import LeaseLostError, LedgerUnavailableError
from trapline_common.domain.ids import InvocationId, RunId, TaskId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger

_log = get_logger("rescue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted:
    """A task, leased to an invocation that has ended, whose budget is used up."""

    lease: tasks.Lease
    """The right that the ended invocation had; no other has it until the task is failed."""
    run_id: RunId
    """Its run."""
    urls: Sequence[str]
    """Its pages, in order; one for a task of one page."""
    position: int
    """The index of the page at which the invocation died."""
    failed_pages: int
    """Pages that failed before."""
    detail: str
    """Which budget is used up, in one line for people."""


def exhausted(row: asyncpg.Record) -> Exhausted:
    """Read a row of the query ``exhausted``."""
    if row["started"]:
        detail = f"{row['rescues'] + 1} invocations that took it died while it loaded"
    else:
        detail = f"{row['unstarted'] + 1} invocations in a row that took it ended before they started it"
    lease = tasks.Lease(
        task_id=TaskId(row["id"]), seq=row["lease_seq"], invocation_id=InvocationId(row["invocation_id"])
    )
    return Exhausted(
        lease=lease,
        run_id=RunId(row["run_id"]),
        urls=row["urls"] or [row["url"]],
        position=row["position"],
        failed_pages=row["failed_pages"],
        detail=detail,
    )


async def fail_all(database: Database, found: Sequence[Exhausted], *, location: ArtifactLocation) -> list[TaskId]:
    """Record the page of each task as failed, one by one and under no lock; return the tasks.

    One whose result can't be recorded ends ``failed`` without it, and the log names the error: a task that raises here
    must keep neither its neighbours nor its run waiting. Another that failed it first is no error.
    """
    failed = []
    for task in found:
        failure = Failure(reason=Reason.POISON, detail=task.detail, retry=False)
        try:
            await _fail(database, task, failure, location)
        except LedgerUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (logged with its traceback)
            if not await tasks.is_held(database, task.lease):
                continue
            _log.exception("poison_not_recorded", task_id=task.lease.task_id, run_id=task.run_id)
            detail = f"{task.detail}; {type(error).__name__}: {error}"
            with suppress(LeaseLostError):
                await tasks.fail_unjudged(database, task.lease, failure=replace(failure, detail=detail[:1000]))
        failed.append(task.lease.task_id)
    return failed


async def _fail(database: Database, task: Exhausted, failure: Failure, location: ArtifactLocation) -> None:
    """Record the page as failed. An ordered task goes on behind it without its session, which may be the cause."""
    run, url = await runs.failing(database, task.run_id), task.urls[task.position]
    last = task.position + 1 >= len(task.urls)
    step = tasks.NextStep(
        status=TaskStatus.FAILED if last else TaskStatus.CREATED,
        failure=failure,
        position=task.position + 1,
        failed_pages=task.failed_pages + 1,
    )
    await settle(
        database,
        task.lease,
        run=run,
        page=await tasks.read_page(database, run.crawl.name, url),
        observation=Observation(url=url, failure=failure),
        step=step,
        location=location,
    )
