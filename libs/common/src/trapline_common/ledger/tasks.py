"""Leasing, completing and giving back tasks. Every write is fenced by ``(task, lease_seq, invocation, leased)``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import asyncpg

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.content.noise import Baseline
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, LaneName, PageId, RunId, TaskId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.ledger.connection import Database, to_json, to_text
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.queries import load
from trapline_common.ledger.visit_documents import (
    alert_documents,
    failure_columns,
    observation_document,
    page_document,
)

_TASKS = load("tasks")
_PAGES = load("pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on a task. The fence: ``seq`` only grows, and a write with an older one is refused."""

    task_id: TaskId
    seq: int
    invocation_id: InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTask:
    """A task as it was leased. ``page`` is its page's state, ``None`` for an ordered task, which reads each as it comes."""

    lease: Lease
    run_id: RunId
    url: str
    urls: tuple[str, ...] | None
    attempts: int
    rescues: int
    position: int
    failed_pages: int
    checkpoint: bytes | None
    page: PageState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRefuses:
    """A host that answered 429 or 503 ``refusals`` times in a row; ``wait``: seconds before it may be visited, 0 for now."""

    refusals: int
    wait: float


class Completion(StrEnum):
    """What became of a completion. ``moved``: the page row was updated since the verdict was reached; reach it again."""

    OK = "ok"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """Where a task goes when a visit's result is written. ``position`` and ``failed_pages`` count an ordered task's pages."""

    status: TaskStatus
    failure: Failure | None = None
    position: int = 0
    failed_pages: int = 0
    checkpoint: bytes | None = None


def page_state(row: asyncpg.Record) -> PageState:
    """Read a page's state from a row that has its columns."""
    return PageState(
        page_id=PageId(row["page_id"]),
        url=row["url"],
        version=row["page_version"],
        baseline_hash=row["baseline_hash"],
        baseline_fields=json.loads(row["baseline_fields"]),
        baseline_run=row["baseline_run"],
        fingerprint=row["fingerprint"],
        judged_run=row["judged_run"],
        failures=row["failures"],
        alerted=row["alerted"],
        since_alert=row["since_alert"],
        failing_for=row["failing_for"],
    )


def _leased(row: asyncpg.Record, invocation_id: InvocationId) -> LeasedTask:
    return LeasedTask(
        lease=Lease(task_id=TaskId(row["id"]), seq=row["lease_seq"], invocation_id=invocation_id),
        run_id=RunId(row["run_id"]),
        url=row["url"],
        urls=None if row["urls"] is None else tuple(row["urls"]),
        attempts=row["attempts"],
        rescues=row["rescues"],
        position=row["position"],
        failed_pages=row["failed_pages"],
        checkpoint=row["checkpoint"],
        page=None if row["page_id"] is None else page_state(row),
    )


async def lease_share(database: Database, held: Held, *, share: int, another: bool) -> list[LeasedTask]:
    """Lease at most ``share`` due tasks, and go ``ready -> running`` with them; an empty list when there is nothing.

    ``another``: only if more is waiting than the idle invocations will take. A task charged with a rescue comes alone.
    Raises ``LeaseLostError`` when the invocation was taken away.
    """
    rows = await database.fetch(_TASKS["lease_share"], held.invocation_id, held.owner, held.lane, share, another)
    return [_leased(row, held.invocation_id) for row in rows]


async def start(database: Database, lease: Lease, *, host: str = "", probe: float = 30.0) -> HostRefuses | None:
    """Mark the task as started, before its page loads: only a started task is charged for a rescue.

    ``None``: go. ``HostRefuses``: the host answered 429 or 503 lately. With ``wait`` 0 the task was started all the same,
    as the one visit that finds out, and no other begins within ``probe`` seconds; else it was not started. Raises
    ``LeaseLostError`` when the task was given to another; the refusal is counted.
    """
    fence = (lease.task_id, lease.seq, lease.invocation_id)
    if await database.fetchrow(_TASKS["start"], *fence, host) is not None:
        return None
    row = await database.fetchrow(_TASKS["start_if_host_recovers"], *fence, host, probe)
    if row is None or (row["id"] is None and row["refusals"] is None):
        raise await _lost(database, lease)
    if row["refusals"] is None:
        return None
    if row["id"] is not None:
        return HostRefuses(refusals=row["refusals"], wait=0.0)
    # Not above 0: another began to find out, or the lease is lost, which the next write will tell.
    return HostRefuses(refusals=row["refusals"], wait=row["wait"] if row["wait"] > 0 else probe)


async def put_off(database: Database, lease: Lease, *, detail: str, delay: float) -> None:
    """``leased -> created``, uncharged: due again after ``delay`` seconds. Raises ``LeaseLostError``.

    ``detail`` says what it waits for. Nothing failed, so the task has no reason.
    """
    await _fenced(database, "put_off", lease, None, to_text(detail), delay)


async def retry(database: Database, lease: Lease, *, failure: Failure, delay: float) -> None:
    """``leased -> created``, charged to the page's retries: due again after ``delay`` seconds. Raises ``LeaseLostError``."""
    reason, detail = failure_columns(failure)
    await _fenced(database, "retry", lease, reason, to_text(detail), delay)


async def rescue_one(database: Database, lease: Lease, *, failure: Failure) -> None:
    """``leased -> created`` at once, charged to the budget of rescues. Raises ``LeaseLostError``."""
    reason, detail = failure_columns(failure)
    await _fenced(database, "rescue_one", lease, reason, to_text(detail))


async def hand_back_one(database: Database, lease: Lease) -> None:
    """``leased -> created``, nobody's fault. Raises ``LeaseLostError``."""
    await _fenced(database, "hand_back_one", lease)


async def hand_back_many(database: Database, held: Held, leases: Sequence[Lease]) -> int:
    """``leased -> created`` for tasks that were not started, nobody's fault; returns how many were still ours."""
    ids, seqs = [lease.task_id for lease in leases], [lease.seq for lease in leases]
    return len(await database.fetch(_TASKS["hand_back_many"], ids, seqs, held.invocation_id))


async def hand_back(database: Database, held: Held) -> int:
    """Give back, uncharged, everything the invocation still holds; returns how many tasks."""
    return len(await database.fetch(_TASKS["hand_back"], held.invocation_id))


async def _fenced(database: Database, query: str, lease: Lease, *more: object) -> None:
    if await database.fetchrow(_TASKS[query], lease.task_id, lease.seq, lease.invocation_id, *more) is None:
        raise await _lost(database, lease)


async def _lost(database: Database, lease: Lease) -> LeaseLostError:
    await database.fetch(_TASKS["count_stale"], lease.invocation_id)
    return LeaseLostError(f"task {lease.task_id} was given to another")


async def read_page(database: Database, crawl: str, url: str) -> PageState:
    """Return a page's state as it is now. The row exists since the run was opened."""
    row = await database.fetchrow(_PAGES["state"], crawl, url)
    if row is None:
        raise LeaseLostError(f"page {url} of crawl {crawl} is gone")
    return page_state(row)


async def baseline(database: Database, page: PageState) -> Baseline:
    """Return what new content is judged by. An empty one when the row was updated since: then the verdict is refused."""
    row = await database.fetchrow(_PAGES["baseline"], page.page_id, page.version)
    if row is None:
        return Baseline()
    return Baseline(
        text=row["baseline_text"],
        earlier=tuple(row["earlier_hashes"]),
        candidate=row["candidate_hash"],
        seen=row["candidate_seen"],
    )


async def complete_visit(
    database: Database,
    lease: Lease,
    *,
    step: NextStep,
    page: PageState,
    observation: Observation,
    verdict: Verdict,
) -> Completion:
    """Write one visit's result, its page row, its alerts and the task's next status, all or nothing, in one round trip.

    Keeps guarantees 3 and 5: the fence and the unique (task, position) make a result visible once; the alerts commit with
    their cause. Raises ``LeaseLostError`` when the task was given to another (counted on the invocation).
    """
    reason, detail = failure_columns(step.failure)
    next_step = {
        "status": step.status,
        "position": step.position,
        "failed_pages": step.failed_pages,
        "reason": reason,
        "detail": detail,
    }
    alerts = alert_documents(verdict)
    outcome: str = await database.fetchval(
        _TASKS["complete_visit"],
        lease.task_id,
        lease.seq,
        lease.invocation_id,
        to_json(next_step),
        step.checkpoint,
        page.page_id,
        page.version,
        to_json(page_document(observation, page, verdict)),
        to_json(observation_document(observation, page, verdict)),
        None if alerts is None else to_json(alerts),
    )
    if outcome == "stale":
        raise LeaseLostError(f"task {lease.task_id} was given to another")
    return Completion(outcome)


async def due(database: Database, lane: LaneName) -> bool:
    """Say whether a task of the lane waits and its time has come."""
    return bool(await database.fetchval(_TASKS["due"], lane))


async def soonest(database: Database, lane: LaneName) -> float | None:
    """Return the seconds until the lane's next waiting task is due (negative when it is); ``None`` when none waits."""
    seconds: float | None = await database.fetchval(_TASKS["soonest"], lane)
    return seconds
