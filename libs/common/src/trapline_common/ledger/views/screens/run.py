"""The screen of one run: what it does, or did."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.database import MOMENT
from trapline_common.ledger.views.invocations import InvocationRow, invocations
from trapline_common.ledger.views.run_detail import Totals, totals_of
from trapline_common.ledger.views.run_screen import (
    ReasonRow,
    Surroundings,
    VisitRow,
    failure_reasons,
    run_visits,
    surroundings,
)
from trapline_common.ledger.views.runs import RunRow, runs_of
from trapline_common.ledger.views.together import read_together

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
    which = asked.show if asked.show in {"failed", "changed"} else None
    found = await read_together(
        database,
        runs := runs_of([asked.id]),
        around := surroundings(asked.id),
        totals := totals_of(asked.id),
        reasons := failure_reasons(asked.id, limit=_REASONS),
        visits := run_visits(asked.id, which=which, limit=VISITS, offset=asked.offset),
        held := invocations(limit=_INVOCATIONS, run_id=asked.id),
        MOMENT,
    )
    run, beside = found[runs].get(asked.id), found[around]
    if run is None or beside is None:
        raise InputRefusedError(f"no run {asked.id}")
    return RunScreen(
        at=found[MOMENT],
        run=run,
        around=beside,
        totals=found[totals],
        reasons=found[reasons],
        visits=found[visits].rows,
        visits_total=found[visits].total,
        invocations=found[held],
    )
