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
from trapline_common.ledger.queries import Query, load
from trapline_common.ledger.visit_arguments import (
    alert_documents,
    failure_columns,
    is_new_content,
    page_verdict,
    task_step,
    visit_document,
)

_TASKS = load("tasks")
_PAGES = load("pages")


FIRST_OUTAGE = 10.0
"""Seconds until a task is due again after the first time that something its visit needs was away; it doubles."""

LONGEST_OUTAGE = 300.0
"""Seconds; the longest of these waits."""

MAX_OUTAGES = 8
"""How often a task waits so, some 20 minutes in all; then it is ``failed``."""

LONGEST_DOUBLING = 600.0
"""Seconds up to which each pause that its host asks for puts a task off for as long as those before together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on a task. Each write names it, and the ledger refuses an older one."""

    task_id: TaskId
    """The task."""
    seq: int
    """The fence: it grows with every lease of the task."""
    invocation_id: InvocationId
    """The invocation that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedTask:
    """A task as it was leased."""

    lease: Lease
    """The right to write for it."""
    run_id: RunId
    """Its run."""
    url: str
    """The page; of an ordered task, its first."""
    urls: tuple[str, ...] | None
    """The pages of an ordered task, in order; ``None`` otherwise."""
    attempts: int
    """Retries used: the page's fault."""
    rescues: int
    """Rescues used: the infrastructure's fault."""
    position: int
    """Of an ordered task, the index of the next page."""
    failed_pages: int
    """Of an ordered task, the pages that failed so far."""
    checkpoint: bytes | None
    """Of an ordered task, its session after the last recorded page, sealed."""
    page: PageState | None
    """The page's state; ``None`` for an ordered task, which reads each page's as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRefuses:
    """A host that answered 429 or 503 to the visits before."""

    refusals: int
    """How often in a row."""
    wait: float
    """Seconds before it may be visited; 0: now, by this one visit."""


class Completion(StrEnum):
    """The result of ``complete_visit``."""

    OK = "ok"
    """All of it is written."""
    MOVED = "moved"
    """Nothing is written: the page's row was updated since the verdict was reached. Judge again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """Where a task goes when a visit's result is written."""

    status: TaskStatus
    """Its next status."""
    failure: Failure | None = None
    """Why it failed, or may fail in the end; its reason and detail are stored."""
    position: int = 0
    """Of an ordered task, the index of the next page; 0 otherwise."""
    failed_pages: int = 0
    """Of an ordered task, the pages that failed so far."""
    checkpoint: bytes | None = None
    """Of an ordered task, its session, sealed; ``None``: the next page begins without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextShare:
    """What an invocation leases with a result: tasks beyond what the idle invocations will take."""

    held: Held
    """The invocation, which holds the task of the result."""
    size: int
    """Tasks at most."""


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


def leased(row: asyncpg.Record, invocation_id: InvocationId) -> LeasedTask:
    """Read a leased task from a row that has the columns of ``lease_share``'s answer."""
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
    Keeps guarantee 2: each lease has a fence of its own. Raises ``LeaseLostError`` when the invocation was taken away.
    """
    rows = await database.fetch(_TASKS["lease_share"], held.invocation_id, held.owner, held.lane, share, another)
    return [leased(row, held.invocation_id) for row in rows]


async def start(database: Database, lease: Lease, *, host: str = "", probe: float = 30.0) -> HostRefuses | None:
    """Mark the task as started, before its page loads: only a started task is charged for a rescue.

    ``None``: it is started. ``HostRefuses``: the host answered 429 or 503 lately. With ``wait`` 0 the task is started
    all the same, as the one visit that tries the host, and no other begins within ``probe`` seconds; else it is not
    started. Raises ``LeaseLostError`` when the task was given to another invocation, and counts that on this one.
    """
    fence = (lease.task_id, lease.seq, lease.invocation_id)
    if await database.fetchrow(_TASKS["start"], *fence, host) is not None:
        return None
    row = await database.fetchrow(_TASKS["start_if_host_recovers"], *fence, host, probe)
    if row is None or (row["id"] is None and row["refusals"] is None):
        raise await lost(database, lease)
    if row["refusals"] is None:
        return None
    if row["id"] is not None:
        return HostRefuses(refusals=row["refusals"], wait=0.0)
    # Not above 0: another visit tries the host, or the lease is lost, which the next write will find.
    return HostRefuses(refusals=row["refusals"], wait=row["wait"] if row["wait"] > 0 else probe)


async def put_off(database: Database, lease: Lease, *, detail: str, delay: float) -> None:
    """``leased -> created``, uncharged: due again after ``delay`` seconds. Raises ``LeaseLostError``.

    ``detail`` says what it waits for. Nothing failed, so the task has no reason.
    """
    await fenced(database, _TASKS["put_off"], lease, None, to_text(detail), delay)


async def retry(database: Database, lease: Lease, *, failure: Failure, delay: float) -> None:
    """``leased -> created``, charged to the page's retries: due again after ``delay`` seconds.

    Raises ``LeaseLostError``.
    """
    reason, detail = failure_columns(failure)
    await fenced(database, _TASKS["retry"], lease, reason, to_text(detail), delay)


async def outage(database: Database, lease: Lease, *, failure: Failure) -> bool:
    """``leased -> created``, charged to the budget of outages: due again after a time that doubles.

    ``False``: that budget is used up, and the task is still leased. Raises ``LeaseLostError``.
    """
    reason, detail = failure_columns(failure)
    limits = (FIRST_OUTAGE, MAX_OUTAGES, LONGEST_OUTAGE)
    return await _within_budget(database, "outage", lease, reason, to_text(detail), *limits)


async def pause(database: Database, lease: Lease, *, detail: str, delay: float, longest: float) -> bool:
    """``leased -> created``, uncharged: its host asks for a pause of ``delay`` seconds.

    Each pause is at least as long as those before together, up to ``LONGEST_DOUBLING``. ``False``: it was put off for
    ``longest`` seconds in all, and is still leased. Raises ``LeaseLostError``.
    """
    limits = (delay, longest, LONGEST_DOUBLING)
    return await _within_budget(database, "pause", lease, None, to_text(detail), *limits)


async def fail_unjudged(database: Database, lease: Lease, *, failure: Failure) -> None:
    """``leased -> failed`` without a result: for a task whose result can't be written. Raises ``LeaseLostError``."""
    reason, detail = failure_columns(failure)
    await fenced(database, _TASKS["fail_unjudged"], lease, reason, to_text(detail))


async def rescue_one(database: Database, lease: Lease, *, failure: Failure) -> None:
    """``leased -> created`` at once, charged to the budget of rescues. Raises ``LeaseLostError``."""
    reason, detail = failure_columns(failure)
    await fenced(database, _TASKS["rescue_one"], lease, reason, to_text(detail))


async def hand_back_one(database: Database, lease: Lease) -> None:
    """``leased -> created``, uncharged. Raises ``LeaseLostError``."""
    await fenced(database, _TASKS["hand_back_one"], lease)


async def hand_back_many(database: Database, held: Held, leases: Sequence[Lease]) -> int:
    """``leased -> created`` for tasks that were not started, uncharged; return how many the invocation still held."""
    ids, seqs = [lease.task_id for lease in leases], [lease.seq for lease in leases]
    return len(await database.fetch(_TASKS["hand_back_many"], ids, seqs, held.invocation_id))


async def hand_back(database: Database, held: Held) -> int:
    """Give back, uncharged, everything the invocation still holds; returns how many tasks."""
    return len(await database.fetch(_TASKS["hand_back"], held.invocation_id))


async def fenced(database: Database, query: Query, lease: Lease, *more: object) -> None:
    """Execute one write behind the fence. Raises ``LeaseLostError`` when it changes nothing, and counts that."""
    if await database.fetchrow(query, lease.task_id, lease.seq, lease.invocation_id, *more) is None:
        raise await lost(database, lease)


async def _within_budget(database: Database, query: str, lease: Lease, *more: object) -> bool:
    fence = (lease.task_id, lease.seq, lease.invocation_id)
    if await database.fetchrow(_TASKS[query], *fence, *more) is not None:
        return True
    if not await is_held(database, lease):
        raise await lost(database, lease)
    return False


async def lost(database: Database, lease: Lease) -> LeaseLostError:
    """Count a write that the fence refused, and return the error to raise."""
    await database.fetch(_TASKS["count_stale"], lease.invocation_id)
    return LeaseLostError(f"task {lease.task_id} was given to another")


async def is_held(database: Database, lease: Lease) -> bool:
    """Say whether the lease still stands: the task was neither ended nor given to another."""
    return await database.fetchrow(_TASKS["progress"], lease.task_id, lease.seq, lease.invocation_id) is not None


async def progress(database: Database, lease: Lease) -> tuple[int, int]:
    """Return the index of the page that the task stands at, and how many failed before. Raises ``LeaseLostError``."""
    row = await database.fetchrow(_TASKS["progress"], lease.task_id, lease.seq, lease.invocation_id)
    if row is None:
        raise await lost(database, lease)
    return row["position"], row["failed_pages"]


async def read_page(database: Database, crawl: str, url: str) -> PageState:
    """Return a page's state as it is now. The row exists since the run was opened."""
    row = await database.fetchrow(_PAGES["state"], crawl, url)
    if row is None:
        raise LeaseLostError(f"page {url} of crawl {crawl} is gone")
    return page_state(row)


async def baseline(database: Database, page: PageState) -> Baseline:
    """Return what new content is compared with; empty when the row was updated since: then the verdict is refused."""
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
    next_share: NextShare | None,
) -> tuple[Completion, list[LeasedTask]]:
    """Write one visit's result, its page row, its alerts and the task's next status, all or nothing, in one round trip.

    With ``next_share`` the same commit leases that; without, the list is empty. So it is where the result is ``MOVED``,
    where there is nothing to take, where the invocation was taken away, and where the lease would have to wait for the
    lane's lock: ``lease_share`` tells. No lease costs the result, which is durable when this returns.

    Keeps guarantees 3 and 5: the fence and the unique (task, position) make a result visible once; the alerts commit
    with their cause. Raises ``LeaseLostError`` when the task was given to another invocation, and counts that on this
    one.
    """
    reason, detail = failure_columns(step.failure)
    new_content = is_new_content(observation, page)
    alerts = alert_documents(verdict)
    result = (
        lease.task_id,
        lease.seq,
        lease.invocation_id,
        task_step(
            status=step.status,
            position=step.position,
            failed_pages=step.failed_pages,
            checkpoint=step.checkpoint,
            reason=reason,
            detail=to_text(detail),
        ),
        page.page_id,
        page.version,
        page_verdict(verdict, new_content=new_content),
        to_json(visit_document(observation, verdict, new_content=new_content)),
        None if alerts is None else to_json(alerts),
    )
    rows: list[asyncpg.Record] = []
    if next_share is None:
        outcome: str = await database.fetchval(_TASKS["complete_visit"], *result)
    else:
        held = next_share.held
        rows = await database.fetch(_TASKS["complete_and_lease"], *result, held.owner, held.lane, next_share.size)
        outcome = rows[0]["outcome"]
    if outcome == "stale":
        raise LeaseLostError(f"task {lease.task_id} was given to another")
    return Completion(outcome), [leased(row, lease.invocation_id) for row in rows if row["id"] is not None]


async def due(database: Database, lane: LaneName) -> bool:
    """Say whether a task of the lane waits and its time has come."""
    return bool(await database.fetchval(_TASKS["due"], lane))


async def soonest(database: Database, lane: LaneName) -> float | None:
    """Return the seconds until the lane's next waiting task is due (negative when it is); ``None`` when none waits."""
    seconds: float | None = await database.fetchval(_TASKS["soonest"], lane)
    return seconds
