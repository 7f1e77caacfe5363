"""The state of the whole system, at a glance: lanes, runs, failing pages, alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.rescue import HEARTBEAT_TTL
from trapline_common.ledger.views.database import MOMENT
from trapline_common.ledger.views.mutes import MuteRow, mutes
from trapline_common.ledger.views.runs import RunRow, runs_of, unended
from trapline_common.ledger.views.serving import MissedTicks, Serving, missed_ticks, serving
from trapline_common.ledger.views.together import (
    Answers,
    Read,
    Row,
    only_row_of,
    read_alone,
    read_together,
    rows_of,
)

_QUERIES = load("views/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """A lane's limits and load."""

    name: str
    """The lane's name."""
    max_invocations: int
    """Invocations that may be active at once."""
    tasks_per_invocation: int
    """Tasks in one share."""
    pages_in_flight: int
    """Pages that one invocation loads at once."""
    host_delay: float
    """Seconds between two visits to one host."""
    waiting: int
    """Tasks in ``created`` whose time has come."""
    delayed: int
    """Tasks in ``created`` whose time has not come."""
    leased: int
    """Tasks that the active invocations hold."""
    idle: int
    """Active invocations without a task."""
    running: int
    """Invocations that hold tasks."""
    stalled: int
    """Active invocations whose heartbeats stopped, and that wait for a rescue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """A crawl's newest run that ended and was not skipped."""

    run: RunRow
    """The run."""
    skipped_since: int
    """Ticks since then that found a run of the crawl still open, and were skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingPage:
    """A page whose last runs failed."""

    page_id: int
    """The page's number."""
    crawl: str
    """The crawl."""
    url: str
    """The page."""
    failures: int
    """Runs in a row that failed on it."""
    since: datetime | None
    """When the first of them did."""
    alerted: bool
    """Whether an alert was written for it."""
    run_id: int | None
    """The newest run that judged it."""
    reason: str | None
    """Why the newest visit failed."""
    detail: str | None
    """The same in one line, for a person."""
    status: int | None
    """The HTTP status of that visit, if there was an answer."""
    screenshot: str | None
    """The artifact key of its screenshot."""
    html: str | None
    """The artifact key of its HTML."""
    acked_at: datetime | None
    """When the failure was acknowledged; ``None``: nobody did."""
    acked_by: str | None
    """Who acknowledged it."""
    ack_reason: str | None
    """What they said of it."""
    muted: bool
    """Whether a mute keeps its failure from being told now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCrawl:
    """A crawl that a schedule opens."""

    crawl: str
    """The crawl."""
    schedule: str
    """The schedule's expression."""
    timezone: str
    """The schedule's zone."""
    since: datetime
    """From when its next firing counts: its newest run, or since the schedule is this one."""
    under_way: bool
    """Whether its newest run has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCounts:
    """The alert outbox."""

    due: int
    """Alerts that are to be sent."""
    oldest_due_seconds: float | None
    """How long the oldest of them has waited; ``None`` when none is due."""
    refused: int
    """Alerts of the last 24 hours that a channel will never take, until it took a later one."""
    sent_last_day: int
    """Alerts sent in the last 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One place that alerts go to, as its notifiers last found it."""

    name: str
    """The topic, the terminal, or a name of the channels file."""
    due: int
    """Alerts that wait for it."""
    failures: int
    """Messages in a row that it did not take for now."""
    since: datetime | None
    """When the first of them failed."""
    next_try_at: datetime | None
    """When it is tried again; ``None``: with the next drain."""
    reason: str | None
    """What the last failure was, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedBadly:
    """Invocations of the last 24 hours that ended badly."""

    failed: int
    """Those that ended ``failed`` since the last success of their lane, and that no person stopped."""
    orphaned: int
    """Those that ended ``orphaned`` since the last success of their lane."""
    stale: int
    """Writes, of all that ended then, that the fence refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole picture at one moment."""

    at: datetime
    """The moment, by the database's clock."""
    lanes: tuple[LaneRow, ...]
    """Every lane, by name."""
    open_runs: tuple[RunRow, ...]
    """Runs that have not ended, oldest first."""
    last_runs: tuple[LastRun, ...]
    """Each crawl's last run, by crawl."""
    scheduled: tuple[ScheduledCrawl, ...]
    """The crawls that a schedule opens, by name."""
    failing: tuple[FailingPage, ...]
    """The pages that have failed longest, as many as were asked for."""
    failing_total: int
    """How many pages fail."""
    failing_known: int
    """How many of them are acknowledged or muted: somebody knows of them, so they need nobody's attention."""
    mutes: tuple[MuteRow, ...]
    """What is muted, the first to end first."""
    alerts: AlertCounts
    """The alert outbox."""
    channels: tuple[ChannelRow, ...]
    """Where alerts go, by name; empty before the first alert went out."""
    invocations_last_day: EndedBadly
    """Invocations that ended badly."""
    serving: Serving | None
    """The ``trapline serve`` of this ledger, or the last one; ``None``: none ever was, as on AWS."""
    missed: tuple[MissedTicks, ...]
    """Ticks of the last 24 hours that nobody was there to fire, by crawl."""


def lanes(*, heartbeat_ttl: float = HEARTBEAT_TTL) -> Read[tuple[LaneRow, ...]]:
    """Read every lane with its load, by name."""
    return Read(query=_QUERIES["lanes"], arguments=(heartbeat_ttl,), made=rows_of(LaneRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Pages that fail."""

    pages: tuple[FailingPage, ...]
    """Those that have failed longest, as many as were asked for."""
    total: int
    """How many there are."""
    known: int
    """Of how many of them somebody knows."""


def failing_pages(*, limit: int, reason: str | None = None) -> Read[Failing]:
    """Read the pages that have failed longest. ``reason``: of those alone whose last failure has it."""
    return Read(query=_QUERIES["failing"], arguments=(limit, reason), made=_failing)


def _failing(rows: list[Row]) -> Failing:
    first = rows[0] if rows else {"total": 0, "known": 0}
    return Failing(pages=rows_of(FailingPage)(rows), total=first["total"], known=first["known"])


def ended_badly() -> Read[EndedBadly]:
    """Read the invocations of the last 24 hours that ended badly."""
    return Read(query=_QUERIES["ended_badly"], made=only_row_of(EndedBadly))


def alert_counts() -> Read[AlertCounts]:
    """Read the state of the alert outbox."""
    return Read(query=_QUERIES["alert_counts"], made=only_row_of(AlertCounts))


def _last_runs() -> Read[dict[int, int]]:
    """Read each crawl's last run, with how many were skipped since."""
    return Read(query=_QUERIES["last_runs"], made=lambda rows: {row["id"]: row["skipped_since"] for row in rows})


class StatusReads:
    """What the status is read with, beside the reads of whoever shows more; ``found`` puts it together."""

    def __init__(self, *, failing: int, heartbeat_ttl: float = HEARTBEAT_TTL) -> None:
        """``failing``: pages that fail, at most."""
        self.at = MOMENT
        self.lanes = lanes(heartbeat_ttl=heartbeat_ttl)
        self.failing = failing_pages(limit=failing)
        self.last_runs = _last_runs()
        self.unended = unended()
        self.scheduled = Read(query=_QUERIES["scheduled"], made=rows_of(ScheduledCrawl))
        self.mutes = mutes()
        self.alerts = alert_counts()
        self.channels = Read(query=_QUERIES["channels"], made=rows_of(ChannelRow))
        self.badly = ended_badly()
        self.serving = serving()
        self.missed = missed_ticks()

    def all(self) -> tuple[Read[Any], ...]:
        """Return the reads."""
        return tuple(vars(self).values())

    def runs(self, found: Answers) -> Read[dict[int, RunRow]]:
        """Return the read of the runs that the others named."""
        return runs_of([*found[self.last_runs], *found[self.unended]])

    def status(self, found: Answers, runs: Mapping[int, RunRow]) -> Status:
        """Return the status. A run that is no longer kept is passed over."""
        return Status(
            at=found[self.at],
            lanes=found[self.lanes],
            open_runs=tuple(runs[run_id] for run_id in found[self.unended] if run_id in runs),
            last_runs=tuple(
                LastRun(run=runs[run_id], skipped_since=skipped)
                for run_id, skipped in found[self.last_runs].items()
                if run_id in runs
            ),
            scheduled=found[self.scheduled],
            failing=found[self.failing].pages,
            failing_total=found[self.failing].total,
            failing_known=found[self.failing].known,
            mutes=found[self.mutes],
            alerts=found[self.alerts],
            channels=found[self.channels],
            invocations_last_day=found[self.badly],
            serving=found[self.serving],
            missed=found[self.missed],
        )


async def read_status(database: Database, *, failing: int, heartbeat_ttl: float = HEARTBEAT_TTL) -> Status:
    """Return the status with at most ``failing`` failing pages."""
    reads = StatusReads(failing=failing, heartbeat_ttl=heartbeat_ttl)
    found = await read_together(database, *reads.all())
    return reads.status(found, await read_alone(database, reads.runs(found)))
