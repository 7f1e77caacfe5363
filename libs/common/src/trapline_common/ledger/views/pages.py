"""What people and scripts read of pages: the last change of one, and every observation of a run."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.runs import read

_READS = load("reads")
_PAGE = 200
"""Observations fetched at once: a text may be 256 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """One URL of one crawl."""

    id: int
    crawl: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A page's accepted change. A text is ``None`` when it is gone, ``old_*`` when the observation itself is.

    ``alert_diff`` is the bounded diff that its alert carried, if it had one.
    """

    run_id: int
    baseline_run: int | None
    at: datetime
    baseline_at: datetime | None
    title: str | None
    final_url: str | None
    screenshot: str | None
    old_text: str | None
    new_text: str | None
    old_fields: Mapping[str, str | None] | None
    new_fields: Mapping[str, str | None]
    alert_diff: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRow:
    """One observation. ``timings`` in milliseconds, ``size`` in bytes; ``screenshot`` and ``html`` are artifact keys."""

    id: int
    run_id: int
    crawl: str
    task_id: int
    position: int
    url: str
    final_url: str | None
    observed_at: datetime
    status: int | None
    redirects: int
    reason: str | None
    detail: str | None
    changed: bool
    title: str | None
    size: int | None
    console_errors: int
    content_hash: str | None
    screenshot: str | None
    html: str | None
    timings: Mapping[str, float]
    fields: Mapping[str, str | None]
    text: str | None


async def find_pages(database: Database, url: str, *, crawl: str | None = None) -> list[PageRow]:
    """Return the pages with this normalised URL, by crawl."""
    return [read(PageRow, row) for row in await database.fetch(_READS["pages"], url, crawl)]


async def last_change(database: Database, page_id: int, *, run_id: int | None = None) -> Change | None:
    """Return a page's newest accepted change, or the one that ``run_id`` found."""
    row = await database.fetchrow(_READS["last_change"], page_id, run_id)
    if row is None:
        return None
    return Change(
        run_id=row["run_id"],
        baseline_run=row["baseline_run"],
        at=row["at"],
        baseline_at=row["baseline_at"],
        title=row["title"],
        final_url=row["final_url"],
        screenshot=row["screenshot"],
        old_text=None if row["old_id"] is None else await database.fetchval(_READS["text"], row["old_id"]),
        new_text=await database.fetchval(_READS["text"], row["new_id"]),
        old_fields=None if row["old_fields"] is None else json.loads(row["old_fields"]),
        new_fields=json.loads(row["new_fields"]),
        alert_diff=row["diff"],
    )


async def observations(database: Database, run_id: int, *, after: int = 0) -> AsyncGenerator[ObservationRow, None]:
    """Yield a run's observations behind the one ``after``, in order, read a page at a time, so that any run takes little memory.

    No transaction is open between two pages, however long the caller takes: nothing old is kept from vacuum, and a pipe
    that waits for its reader loses no connection. Observations are never changed, only added.
    """
    last = after
    while rows := await database.fetch(_READS["observations"], run_id, last, _PAGE):
        for row in rows:
            columns: dict[str, Any] = dict(row)
            columns["timings"] = json.loads(columns["timings"])
            columns["fields"] = json.loads(columns["fields"])
            yield ObservationRow(**columns)
        last = rows[-1]["id"]
