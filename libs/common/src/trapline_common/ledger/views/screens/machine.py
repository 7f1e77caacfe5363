"""The screens of the machine: whether it works, and what it costs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.database import MOMENT
from trapline_common.ledger.views.invocations import InvocationRow, invocations
from trapline_common.ledger.views.machine_room import (
    CrawlVisits,
    ExecutionRow,
    InvocationCount,
    LaneDay,
    RestingHost,
    crawl_visits,
    executions,
    invocation_counts,
    lane_days,
    resting_hosts,
)
from trapline_common.ledger.views.status import EndedBadly, LaneRow, ended_badly, lanes
from trapline_common.ledger.views.together import read_together

DAYS = 30
"""Days that costs are counted for."""
ROWS = 100
"""Invocations at once."""
_HOSTS, _CRAWLS, _EXECUTIONS = 50, 50, 50


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
    executions: tuple[ExecutionRow, ...]
    """Executions that call invocations, of lanes whose orchestrator is not ``self``; the newest first."""


async def lanes_screen(database: Database, _asked: LanesParameters) -> LanesScreen:
    """Return the lanes and their load."""
    found = await read_together(
        database,
        load := lanes(),
        counts := invocation_counts(),
        bad := ended_badly(),
        hosts := resting_hosts(limit=_HOSTS),
        calling := executions(limit=_EXECUTIONS),
        MOMENT,
    )
    return LanesScreen(
        at=found[MOMENT],
        lanes=found[load],
        counts=found[counts],
        bad=found[bad],
        hosts=found[hosts],
        executions=found[calling],
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
    at: datetime | None = None
    """Begun before this moment, with ``after``: where the list goes on."""
    after: UUID | None = None
    """Behind this invocation, with ``at``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationsScreen:
    """Invocations of the crawler."""

    at: datetime
    """The moment."""
    counts: tuple[InvocationCount, ...]
    """Active ones, and those that ended in the last 24 hours, by lane and status."""
    invocations: tuple[InvocationRow, ...]
    """The invocations, newest first."""
    more: bool = False
    """Whether the list goes on."""


async def invocations_screen(database: Database, asked: InvocationsParameters) -> InvocationsScreen:
    """Return invocations."""
    statuses = (asked.status,) if asked.status in set(InvocationStatus) else None
    before = None if asked.at is None else (asked.at, asked.after or UUID(int=0))
    found = await read_together(
        database,
        rows := invocations(
            limit=ROWS + 1, lane=asked.lane or None, statuses=statuses, run_id=asked.run, before=before
        ),
        counts := invocation_counts(),
        MOMENT,
    )
    shown = found[rows]
    return InvocationsScreen(at=found[MOMENT], counts=found[counts], invocations=shown[:ROWS], more=len(shown) > ROWS)


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
    found = await read_together(
        database, seconds := lane_days(days=DAYS), visits := crawl_visits(days=DAYS, limit=_CRAWLS), MOMENT
    )
    return CostsScreen(at=found[MOMENT], days=found[seconds], crawls=found[visits])
