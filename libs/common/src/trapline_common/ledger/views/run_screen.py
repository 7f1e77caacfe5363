"""What a run's screen shows beside the run itself: its surroundings, why tasks failed, and its visits."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read
from trapline_common.ledger.views.run_detail import AlertCount

_QUERIES = load("views/run_screen")
_ALERTS = TypeAdapter(tuple[AlertCount, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run stands among."""

    config: dict[str, Any]
    """Its frozen config."""
    cancelling_at: datetime | None
    """Since when an operator cancels it."""
    older: int | None
    """The crawl's run before it."""
    newer: int | None
    """The crawl's run after it."""
    retried_by: int | None
    """The newest run that retries its failed tasks."""
    alerts: tuple[AlertCount, ...]
    """Its alerts by kind and status."""
    executions: tuple[str, ...]
    """ARNs of the executions that wait, or waited, for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """How many tasks failed for one reason."""

    reason: str
    """The reason; empty where a task ended without one."""
    count: int
    """Tasks."""
    example: str
    """One of their URLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    """A task of a run with its newest observation."""

    task_id: int
    """The task."""
    page_id: int | None
    """The page; ``None`` of an ordered task that was not visited so far."""
    url: str
    """The task's URL."""
    state: str
    """``created``, ``leased``, ``done`` or ``failed``."""
    attempts: int
    """Attempts that failed for now."""
    observation: int | None
    """The observation; ``None``: not visited so far."""
    title: str | None
    """The page's title."""
    reason: str | None
    """Why it failed, or was given back."""
    detail: str | None
    """The same in one line."""
    status: int | None
    """The HTTP status."""
    changed: bool
    """Whether it is an accepted change."""
    total_ms: float | None
    """How long the visit took, in milliseconds."""
    size: int | None
    """Bytes over the wire."""
    screenshot: str | None
    """The artifact key of the screenshot."""
    html: str | None
    """The artifact key of the page's HTML."""
    note: str | None
    """What the visit left out."""
    at: datetime | None
    """When it was observed, or the task ended."""


async def surroundings(database: Database, run_id: int) -> Surroundings:
    """Return what a run stands among. Raises ``InputRefusedError`` when there is no such run any more."""
    row = await database.fetchrow(_QUERIES["surroundings"], run_id)
    if row is None:
        raise InputRefusedError(f"no run {run_id}")
    columns = dict(row)
    config = json.loads(columns.pop("config"))
    alerts = _ALERTS.validate_json(columns.pop("alerts"))
    executions = tuple(columns.pop("executions"))
    return Surroundings(
        config=config if isinstance(config, dict) else {}, alerts=alerts, executions=executions, **columns
    )


async def failure_reasons(database: Database, run_id: int, *, limit: int) -> tuple[ReasonRow, ...]:
    """Return why tasks of a run failed, the most frequent reason first."""
    return tuple(read(ReasonRow, row) for row in await database.fetch(_QUERIES["reasons"], run_id, limit))


async def run_visits(
    database: Database, run_id: int, *, which: str | None, limit: int, offset: int
) -> tuple[tuple[VisitRow, ...], int]:
    """Return tasks of a run, failed ones first, and how many there are. ``which``: ``failed`` or ``changed`` only."""
    rows = await database.fetch(_QUERIES["visits"], run_id, which, limit, offset)
    found = tuple(VisitRow(**{key: item for key, item in row.items() if key != "total"}) for row in rows)
    return found, rows[0]["total"] if rows else 0
