"""What people and scripts read of runs, tasks and invocations. Nothing here writes, locks or waits for a lock."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_READS = load("reads")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run and its progress. ``seconds`` from its opening to its end, or until now; counts are tasks.

    ``changes`` counts accepted changes. ``waiting`` and ``leased`` are 0 once it has ended.
    """

    id: int
    crawl: str
    lane: str
    status: str
    outcome: str | None
    reason: str | None
    scheduled_for: datetime | None
    retry_of: int | None
    created_at: datetime
    opened_at: datetime | None
    ended_at: datetime | None
    seconds: float
    waiting: int
    leased: int
    done: int
    failed: int
    changes: int

    @property
    def tasks(self) -> int:
        """Return how many tasks the run has."""
        return self.waiting + self.leased + self.done + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A run's visits: their number, bytes over the wire, and how long one took, in milliseconds."""

    pages: int
    bytes: int | None
    median_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """A visit that failed, or a task that ended ``failed`` unvisited. ``screenshot`` and ``html`` are artifact keys."""

    url: str
    reason: str
    detail: str | None
    status: int | None
    final_url: str | None
    attempts: int | None
    at: datetime
    screenshot: str | None
    html: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A page that a run found changed."""

    url: str
    title: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCount:
    """How many alerts of one kind and status a run caused."""

    kind: str
    status: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with what it found. ``failures`` and ``changes`` hold as many as were asked for."""

    run: RunRow
    totals: Totals
    failures: tuple[FailureRow, ...]
    changes: tuple[ChangeRow, ...]
    alerts: tuple[AlertCount, ...]
    config: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task. ``pages`` is more than 1 for an ordered one, whose ``position`` is the next page's index."""

    id: int
    run_id: int
    crawl: str
    lane: str
    url: str
    pages: int
    position: int
    status: str
    priority: int
    attempts: int
    rescues: int
    run_at: datetime
    leased_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    detail: str | None
    invocation_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRow:
    """An invocation. ``leased``: tasks it holds; ``stale``: writes the fence refused; ``duplicates``: lost deliveries."""

    id: UUID
    lane: str
    slot: int
    status: str
    hop: int
    asks: int
    created_at: datetime
    asked_at: datetime | None
    pending_at: datetime | None
    ready_at: datetime | None
    running_at: datetime | None
    heartbeat_at: datetime | None
    ended_at: datetime | None
    request_id: str | None
    place: str | None
    reason: str | None
    detail: str | None
    duplicates: int
    stale: int
    leased: int


def read(kind: type[T], row: asyncpg.Record) -> T:
    """Return a row as the dataclass whose fields its columns are named after."""
    return kind(**dict(row))


async def now(database: Database) -> datetime:
    """Return the database's time: the only clock that ages are told by."""
    moment: datetime = await database.fetchval(_READS["now"])
    return moment


async def schema_version(database: Database) -> int | None:
    """Return the newest applied migration's number; ``None`` when the schema is not there at all."""
    if await database.fetchval(_READS["schema_version"]) is None:
        return None
    version: int = await database.fetchval(_READS["newest_migration"])
    return version


async def list_runs(
    database: Database,
    *,
    limit: int,
    crawl: str | None = None,
    lane: str | None = None,
    status: str | None = None,
    failed: bool = False,
) -> list[RunRow]:
    """Return runs, newest first. ``status`` is a status or an outcome; ``failed``: with a failed task, or refused."""
    return [read(RunRow, row) for row in await database.fetch(_READS["runs"], None, crawl, lane, status, failed, limit)]


async def find_run(database: Database, run_id: int) -> RunRow | None:
    """Return one run, if there is such."""
    return (await find_runs(database, [run_id])).get(run_id)


async def find_runs(database: Database, run_ids: Sequence[int]) -> dict[int, RunRow]:
    """Return the runs among ``run_ids`` that exist."""
    rows = await database.fetch(_READS["runs"], list(run_ids), None, None, None, False, len(run_ids))
    return {row["id"]: read(RunRow, row) for row in rows}


async def run_config(database: Database, run_id: int) -> dict[str, Any]:
    """Return a run's frozen config. Raises ``KeyError`` when there is no such run."""
    text = await database.fetchval(_READS["run_config"], run_id)
    if text is None:
        raise KeyError(run_id)
    config: dict[str, Any] = json.loads(text)
    return config


async def run_detail(database: Database, run: RunRow, *, limit: int) -> RunDetail:
    """Return what a run found, with at most ``limit`` failures and ``limit`` changes."""
    totals = await database.fetchrow(_READS["totals"], run.id)
    assert totals is not None, "an aggregate always has a row"
    return RunDetail(
        run=run,
        totals=read(Totals, totals),
        failures=tuple(read(FailureRow, row) for row in await database.fetch(_READS["failures"], run.id, limit)),
        changes=tuple(read(ChangeRow, row) for row in await database.fetch(_READS["changes"], run.id, limit)),
        alerts=tuple(read(AlertCount, row) for row in await database.fetch(_READS["run_alerts"], run.id)),
        config=await run_config(database, run.id),
    )


async def list_tasks(
    database: Database,
    *,
    limit: int,
    run_id: int | None = None,
    crawl: str | None = None,
    lane: str | None = None,
    status: str | None = None,
    url_part: str | None = None,
) -> list[TaskRow]:
    """Return tasks, newest first."""
    rows = await database.fetch(_READS["tasks"], run_id, crawl, lane, status, url_part, limit)
    return [read(TaskRow, row) for row in rows]


async def list_invocations(
    database: Database,
    *,
    limit: int,
    lane: str | None = None,
    statuses: tuple[str, ...] | None = None,
    run_id: int | None = None,
) -> list[InvocationRow]:
    """Return invocations, newest first. ``run_id``: those that were the last to hold a task of that run."""
    rows = await database.fetch(
        _READS["invocations"], lane, None if statuses is None else list(statuses), run_id, limit
    )
    return [read(InvocationRow, row) for row in rows]
