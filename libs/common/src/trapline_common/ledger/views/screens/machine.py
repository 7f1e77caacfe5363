"""The screens of the machine: whether it works, and what it costs."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.database import now
from trapline_common.ledger.views.invocations import InvocationRow, list_invocations
from trapline_common.ledger.views.machine_room import (
    CrawlVisits,
    InvocationCount,
    LaneDay,
    RestingHost,
    crawl_visits,
    invocation_counts,
    lane_days,
    resting_hosts,
)
from trapline_common.ledger.views.status import EndedBadly, LaneRow, ended_badly, list_lanes

DAYS = 30
"""Days that costs are counted for."""
_ROWS, _HOSTS, _CRAWLS = 100, 50, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesParameters:
    """Nothing is asked of the lanes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanesScreen:
    """The lanes and their load."""

    at: datetime
    """The moment."""
    lanes: tuple[LaneRow, ...]
    """Every lane, by name."""
    counts: tuple[InvocationCount, ...]
    """Their invocations by status."""
    bad: EndedBadly
    """Invocations of the last 24 hours that ended badly."""
    hosts: tuple[RestingHost, ...]
    """Hosts that ask for patience."""


async def lanes_screen(database: Database, _asked: LanesParameters) -> LanesScreen:
    """Return the lanes and their load."""
    return LanesScreen(
        at=await now(database),
        lanes=await list_lanes(database),
        counts=await invocation_counts(database),
        bad=await ended_badly(database),
        hosts=await resting_hosts(database, limit=_HOSTS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationsParameters:
    """Which invocations."""

    lane: str = ""
    """Of this lane only."""
    status: str = ""
    """In this status only."""
    run: int | None = None
    """Those that were the last to hold a task of this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationsScreen:
    """Invocations of the crawler."""

    at: datetime
    """The moment."""
    counts: tuple[InvocationCount, ...]
    """Active ones, and those that ended in the last 24 hours, by lane and status."""
    invocations: tuple[InvocationRow, ...]
    """The invocations, newest first."""


async def invocations_screen(database: Database, asked: InvocationsParameters) -> InvocationsScreen:
    """Return invocations."""
    statuses = (asked.status,) if asked.status in set(InvocationStatus) else None
    found = await list_invocations(database, limit=_ROWS, lane=asked.lane or None, statuses=statuses, run_id=asked.run)
    return InvocationsScreen(at=await now(database), counts=await invocation_counts(database), invocations=tuple(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsParameters:
    """Nothing is asked of the costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsScreen:
    """For how long browsers ran."""

    at: datetime
    """The moment."""
    days: tuple[LaneDay, ...]
    """Seconds by day and lane, the newest day first."""
    crawls: tuple[CrawlVisits, ...]
    """Runs and visits by crawl, most visits first."""


async def costs_screen(database: Database, _asked: CostsParameters) -> CostsScreen:
    """Return for how long browsers ran in the last days."""
    return CostsScreen(
        at=await now(database),
        days=await lane_days(database, days=DAYS),
        crawls=await crawl_visits(database, days=DAYS, limit=_CRAWLS),
    )
