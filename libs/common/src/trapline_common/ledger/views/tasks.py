"""Tasks, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read

_QUERIES = load("views/tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task."""

    id: int
    """The task's number."""
    run_id: int
    """The run it belongs to."""
    crawl: str
    """The run's crawl."""
    lane: str
    """The lane whose invocations may lease it."""
    url: str
    """The page, or the first of an ordered list."""
    pages: int
    """How many pages it holds: more than 1 for an ordered one."""
    position: int
    """Of an ordered one: the index of the next page."""
    status: str
    """``created``, ``leased``, ``done`` or ``failed``."""
    priority: int
    """A higher one is leased first; from the crawl's config."""
    attempts: int
    """Attempts that failed for now, within the run."""
    rescues: int
    """How often it went back because its invocation died after it was started."""
    run_at: datetime
    """When it may be leased, at the earliest."""
    leased_at: datetime | None
    """When an invocation leased it last."""
    started_at: datetime | None
    """When that invocation began to load it."""
    ended_at: datetime | None
    """When it ended."""
    reason: str | None
    """Why it failed, or was given back, in one word."""
    detail: str | None
    """The same in one line, for a person."""
    invocation_id: UUID | None
    """The invocation that holds it, or held it last."""


async def list_tasks(
    database: Database,
    *,
    limit: int,
    run_id: int | None = None,
    crawl: str | None = None,
    lane: str | None = None,
    status: str | None = None,
    url_part: str | None = None,
) -> list[TaskRow]:
    """Return tasks, newest first."""
    rows = await database.fetch(_QUERIES["tasks"], run_id, crawl, lane, status, url_part, limit)
    return [read(TaskRow, row) for row in rows]
