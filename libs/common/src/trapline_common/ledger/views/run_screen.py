"""What a run's screen shows beside the run itself: its surroundings, why tasks failed, and its visits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.queries import load
from trapline_common.ledger.views.run_detail import AlertCount
from trapline_common.ledger.views.together import Read, Row, row_of, rows_of

_QUERIES = load("views/run_screen")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Tasks of a run, as many as were asked for."""

    rows: tuple[VisitRow, ...]
    """The tasks, failed ones first."""
    total: int
    """How many there are."""


def surroundings(run_id: int) -> Read[Surroundings | None]:
    """Read what a run stands among; ``None`` when there is no such run."""
    return Read(query=_QUERIES["surroundings"], arguments=(run_id,), made=_surroundings)


def _surroundings(rows: list[Row]) -> Surroundings | None:
    told = [{**row, "config": row["config"] if isinstance(row["config"], dict) else {}} for row in rows]
    return row_of(Surroundings)(told)


def failure_reasons(run_id: int, *, limit: int) -> Read[tuple[ReasonRow, ...]]:
    """Read why tasks of a run failed, the most frequent reason first."""
    return Read(query=_QUERIES["reasons"], arguments=(run_id, limit), made=rows_of(ReasonRow))


def run_visits(run_id: int, *, which: str | None, limit: int, offset: int) -> Read[Visits]:
    """Read tasks of a run, failed ones first. ``which``: ``failed`` or ``changed`` only."""
    return Read(query=_QUERIES["visits"], arguments=(run_id, which, limit, offset), made=_visits)


def _visits(rows: list[Row]) -> Visits:
    return Visits(rows=rows_of(VisitRow)(rows), total=rows[0]["total"] if rows else 0)
