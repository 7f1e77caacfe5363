"""What tells at a glance whether the system is well."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.rescue import HEARTBEAT_TTL
from trapline_common.ledger.views.runs import RunRow, find_runs, now, read

_READS = load("reads")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """A lane's limits and load. ``delayed``: tasks whose time has not come; ``host_delay`` in seconds.

    ``idle`` and ``running`` are invocations, ``leased`` the tasks they hold, ``stalled`` those of them that stopped
    beating and wait for a rescue.
    """

    name: str
    max_invocations: int
    tasks_per_invocation: int
    pages_in_flight: int
    host_delay: float
    waiting: int
    delayed: int
    leased: int
    idle: int
    running: int
    stalled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """A crawl's newest run that ended and was not skipped; ``skipped_since``: ticks that found it still open."""

    run: RunRow
    skipped_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingPage:
    """A page that failed ``failures`` runs in a row; ``run_id`` is the newest of them."""

    crawl: str
    url: str
    failures: int
    since: datetime | None
    alerted: bool
    run_id: int | None
    reason: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCounts:
    """The outbox. ``oldest_due_seconds``: how long the oldest due alert has waited."""

    due: int
    oldest_due_seconds: float | None
    refused: int
    sent_last_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedBadly:
    """Invocations of the last 24 hours that ended ``failed`` or ``orphaned``, and writes that the fence refused."""

    failed: int
    orphaned: int
    stale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole picture ``at`` one moment. ``failing`` holds the longest-failing pages of ``failing_total``."""

    at: datetime
    lanes: tuple[LaneRow, ...]
    open_runs: tuple[RunRow, ...]
    last_runs: tuple[LastRun, ...]
    failing: tuple[FailingPage, ...]
    failing_total: int
    alerts: AlertCounts
    invocations_last_day: EndedBadly


async def read_status(database: Database, *, failing: int, heartbeat_ttl: float = HEARTBEAT_TTL) -> Status:
    """Return the status with at most ``failing`` failing pages."""
    lanes = [read(LaneRow, row) for row in await database.fetch(_READS["lanes"], heartbeat_ttl)]
    pages = await database.fetch(_READS["failing"], failing)
    alerts = await database.fetchrow(_READS["alert_counts"])
    ended_badly = await database.fetchrow(_READS["ended_badly"])
    assert alerts is not None, "an aggregate always has a row"
    assert ended_badly is not None, "an aggregate always has a row"
    last = {row["id"]: row["skipped_since"] for row in await database.fetch(_READS["last_runs"])}
    unended = [row["id"] for row in await database.fetch(_READS["open_runs"])]
    found = await find_runs(database, [*last, *unended])
    return Status(
        at=await now(database),
        lanes=tuple(lanes),
        open_runs=tuple(found[run_id] for run_id in unended if run_id in found),
        last_runs=tuple(
            LastRun(run=found[run_id], skipped_since=skipped) for run_id, skipped in last.items() if run_id in found
        ),
        failing=tuple(FailingPage(**{name: item for name, item in row.items() if name != "total"}) for row in pages),
        failing_total=pages[0]["total"] if pages else 0,
        alerts=read(AlertCounts, alerts),
        invocations_last_day=read(EndedBadly, ended_badly),
    )
