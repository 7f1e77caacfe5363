"""The overview: whether everything is fine."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.config.schedule_times import next_after
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.alerts import AlertRow, alerts
from trapline_common.ledger.views.changes import ChangeCard, changes
from trapline_common.ledger.views.crawls import CrawlRow, RunBar, crawls, strips
from trapline_common.ledger.views.health import problems
from trapline_common.ledger.views.machine_room import Day, last_day
from trapline_common.ledger.views.mutes import MuteRow
from trapline_common.ledger.views.status import AlertCounts, FailingPage, LaneRow, StatusReads
from trapline_common.ledger.views.together import read_together

BARS = 30
"""Runs of a strip."""
CRAWLS = 50
"""Crawls at once, the worst first."""
_FAILING, _CHANGES, _ALERTS = 10, 60, 6
_PAGES_CHANGED = 8
_PROBLEMS = 20
_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewParameters:
    """What the overview is asked with."""

    offset: int = 0
    """Crawls to pass over, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlCard:
    """A crawl with its newest runs."""

    crawl: CrawlRow
    """The crawl."""
    next_at: datetime | None
    """When its schedule fires next; ``None``: it has none, or not any more."""
    strip: tuple[RunBar, ...]
    """Its newest runs, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPage:
    """A page that changed, with how often."""

    newest: ChangeCard
    """Its newest change."""
    times: int
    """How many changes of it there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole at a glance."""

    at: datetime
    """The moment, by the database's clock."""
    problems: tuple[str, ...]
    """What needs a person, as `trapline status` says it."""
    crawls: tuple[CrawlCard, ...]
    """The crawls, the worst first."""
    crawls_total: int
    """How many there are."""
    pages_total: int
    """Pages that their last whole runs visit, of all crawls that are in a file and switched on."""
    failing: tuple[FailingPage, ...]
    """The pages that have failed longest."""
    failing_total: int
    """How many pages fail."""
    failing_known: int
    """How many of them are acknowledged or muted."""
    mutes: tuple[MuteRow, ...]
    """What is muted, the first to end first."""
    changed: tuple[ChangedPage, ...]
    """Pages that changed in the last 24 hours, the newest first."""
    day: Day
    """The last 24 hours in numbers."""
    lanes: tuple[LaneRow, ...]
    """Every lane, by name."""
    alerts: AlertCounts
    """The alert outbox."""
    told: tuple[AlertRow, ...]
    """The newest alerts."""


async def overview(database: Database, asked: OverviewParameters) -> Overview:
    """Return the whole at a glance."""
    reads = StatusReads(failing=_FAILING)
    found = await read_together(
        database,
        *reads.all(),
        shown := crawls(limit=CRAWLS, offset=asked.offset),
        cards := changes(limit=_CHANGES, lines=_LINES, day=True),
        day := last_day(),
        told := alerts(limit=_ALERTS),
    )
    rows = found[shown].rows
    named = await read_together(
        database, runs := reads.runs(found), drawn := strips([row.name for row in rows], most=BARS)
    )
    status, bars = reads.status(found, named[runs]), named[drawn]
    return Overview(
        at=status.at,
        problems=_first(problems(status)),
        crawls=tuple(CrawlCard(crawl=row, next_at=next_firing(row, status.at), strip=bars[row.name]) for row in rows),
        crawls_total=found[shown].total,
        pages_total=found[shown].pages,
        failing=status.failing,
        failing_total=status.failing_total,
        failing_known=status.failing_known,
        mutes=status.mutes,
        changed=_by_page(found[cards]),
        day=found[day],
        lanes=status.lanes,
        alerts=status.alerts,
        told=found[told],
    )


def _first(lines: list[str]) -> tuple[str, ...]:
    """Return as many lines as a person reads: where a machine was off, every crawl is overdue."""
    more = len(lines) - _PROBLEMS
    return tuple(lines) if more <= 1 else (*lines[:_PROBLEMS], f"and {more} more: `trapline status` has them all")


def next_firing(crawl: CrawlRow, at: datetime) -> datetime | None:
    """Return when a crawl's schedule fires next, not before ``at``."""
    if crawl.schedule is None or crawl.gone or not crawl.enabled:
        return None
    if crawl.schedule.startswith("rate") and crawl.since is not None:
        due = next_after(crawl.schedule, crawl.timezone, crawl.since)
        return due if due is None or due > at else at
    return next_after(crawl.schedule, crawl.timezone, at)


def _by_page(changes: tuple[ChangeCard, ...]) -> tuple[ChangedPage, ...]:
    grouped: dict[int, list[ChangeCard]] = {}
    for change in changes:
        grouped.setdefault(change.page_id, []).append(change)
    return tuple(ChangedPage(newest=found[0], times=len(found)) for found in grouped.values())[:_PAGES_CHANGED]
