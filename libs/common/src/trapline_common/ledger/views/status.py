"""The state of the whole system, at a glance: lanes, runs, failing pages, alerts."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.rescue import HEARTBEAT_TTL
from trapline_common.ledger.views.database import now
from trapline_common.ledger.views.mutes import MuteRow, list_mutes
from trapline_common.ledger.views.row import read
from trapline_common.ledger.views.runs import RunRow, find_runs, unended_runs
from trapline_common.ledger.views.serving import MissedTicks, Serving, missed_ticks, read_serving

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


async def list_lanes(database: Database, *, heartbeat_ttl: float = HEARTBEAT_TTL) -> tuple[LaneRow, ...]:
    """Return every lane with its load, by name."""
    return tuple(read(LaneRow, row) for row in await database.fetch(_QUERIES["lanes"], heartbeat_ttl))


async def failing_pages(
    database: Database, *, limit: int, reason: str | None = None
) -> tuple[tuple[FailingPage, ...], int, int]:
    """Return the pages that have failed longest, how many fail, and of how many of them somebody knows.

    ``reason``: of those alone whose last failure has it.
    """
    pages = await database.fetch(_QUERIES["failing"], limit, reason)
    found = tuple(
        FailingPage(**{name: item for name, item in row.items() if name not in {"total", "known"}}) for row in pages
    )
    return (found, pages[0]["total"], pages[0]["known"]) if pages else (found, 0, 0)


async def ended_badly(database: Database) -> EndedBadly:
    """Return the invocations of the last 24 hours that ended badly."""
    row = await database.fetchrow(_QUERIES["ended_badly"])
    assert row is not None, "an aggregate always has a row"
    return read(EndedBadly, row)


async def alert_counts(database: Database) -> AlertCounts:
    """Return the state of the alert outbox."""
    row = await database.fetchrow(_QUERIES["alert_counts"])
    assert row is not None, "an aggregate always has a row"
    return read(AlertCounts, row)


async def read_status(database: Database, *, failing: int, heartbeat_ttl: float = HEARTBEAT_TTL) -> Status:
    """Return the status with at most ``failing`` failing pages."""
    lanes = await list_lanes(database, heartbeat_ttl=heartbeat_ttl)
    failing_found, failing_total, failing_known = await failing_pages(database, limit=failing)
    last = {row["id"]: row["skipped_since"] for row in await database.fetch(_QUERIES["last_runs"])}
    unended = await unended_runs(database)
    found = await find_runs(database, [*last, *unended])
    return Status(
        at=await now(database),
        lanes=lanes,
        open_runs=tuple(found[run_id] for run_id in unended if run_id in found),
        last_runs=tuple(
            LastRun(run=found[run_id], skipped_since=skipped) for run_id, skipped in last.items() if run_id in found
        ),
        scheduled=tuple(read(ScheduledCrawl, row) for row in await database.fetch(_QUERIES["scheduled"])),
        failing=failing_found,
        failing_total=failing_total,
        failing_known=failing_known,
        mutes=tuple(await list_mutes(database)),
        alerts=await alert_counts(database),
        channels=tuple(read(ChannelRow, row) for row in await database.fetch(_QUERIES["channels"])),
        invocations_last_day=await ended_badly(database),
        serving=await read_serving(database),
        missed=tuple(await missed_ticks(database)),
    )
