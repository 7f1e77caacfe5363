"""The screen of one run: what it does, or did."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.database import now
from trapline_common.ledger.views.invocations import InvocationRow, list_invocations
from trapline_common.ledger.views.run_detail import Totals, run_totals
from trapline_common.ledger.views.run_screen import (
    ReasonRow,
    Surroundings,
    VisitRow,
    failure_reasons,
    run_visits,
    surroundings,
)
from trapline_common.ledger.views.runs import RunRow, find_run

VISITS = 60
"""Visits at once."""
_REASONS, _INVOCATIONS = 20, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParameters:
    """Which run, and which of its visits."""

    id: int
    """The run's number."""
    show: str = ""
    """``failed`` or ``changed`` visits only; empty: all."""
    offset: int = 0
    """Visits to pass over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScreen:
    """One run."""

    at: datetime
    """The moment."""
    run: RunRow
    """The run and its progress."""
    around: Surroundings
    """What it stands among."""
    totals: Totals
    """Its visits in numbers."""
    reasons: tuple[ReasonRow, ...]
    """Why its tasks failed."""
    visits: tuple[VisitRow, ...]
    """Its tasks, failed ones first."""
    visits_total: int
    """How many there are, of those that were asked for."""
    invocations: tuple[InvocationRow, ...]
    """The invocations that were the last to hold a task of it."""


async def run_screen(database: Database, asked: RunParameters) -> RunScreen:
    """Return one run. Raises ``InputRefusedError`` when there is none of that number."""
    run = await find_run(database, asked.id)
    if run is None:
        raise InputRefusedError(f"no run {asked.id}")
    which = asked.show if asked.show in {"failed", "changed"} else None
    visits, total = await run_visits(database, run.id, which=which, limit=VISITS, offset=asked.offset)
    return RunScreen(
        at=await now(database),
        run=run,
        around=await surroundings(database, run.id),
        totals=await run_totals(database, run.id),
        reasons=await failure_reasons(database, run.id, limit=_REASONS),
        visits=visits,
        visits_total=total,
        invocations=tuple(await list_invocations(database, limit=_INVOCATIONS, run_id=run.id)),
    )
