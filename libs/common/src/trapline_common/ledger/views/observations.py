"""Every observation of a run, for exports and archives."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.runs import check_kept

_QUERIES = load("views/observations")
_AT_ONCE = 200
"""Observations fetched at once: a text may be 256 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRow:
    """One observation, as `trapline export` writes it."""

    id: int
    """Its number: they grow in the order in which observations were made."""
    run_id: int
    """The run."""
    crawl: str
    """The run's crawl."""
    task_id: int
    """The task."""
    position: int
    """The page's index in an ordered task; else 0."""
    url: str
    """The page, as the task names it."""
    final_url: str | None
    """Where redirects led."""
    observed_at: datetime
    """When it was recorded, by the database's clock."""
    status: int | None
    """The HTTP status, if there was an answer."""
    redirects: int
    """Redirects followed."""
    reason: str | None
    """Why the visit failed; ``None`` for a good one."""
    detail: str | None
    """The same in one line, for a person."""
    note: str | None
    """What the visit had to leave out, in words; ``None``: nothing."""
    changed: bool
    """Whether it is an accepted change against the page's baseline."""
    picture: str | None
    """What the screenshot is to the page, one word of ``picture.PictureOutcome``; ``None``: it was not judged."""
    picture_share: float | None
    """The share of the picture that differs, from 0 to 1; ``None`` likewise."""
    title: str | None
    """The page's title."""
    size: int | None
    """Bytes over the wire."""
    console_errors: int
    """Errors that the page wrote to the browser's console."""
    content_hash: str | None
    """The hash of the watched text and the fields."""
    screenshot: str | None
    """The artifact key of the screenshot."""
    html: str | None
    """The artifact key of the page's HTML."""
    timings: Mapping[str, float]
    """Milliseconds by name, as in ``observation.Timings``."""
    fields: Mapping[str, str | None]
    """The extracted fields by name."""
    text: str | None
    """The watched text; ``None`` for a failed visit."""


async def observations(database: Database, run_id: int, *, after: int = 0) -> AsyncGenerator[ObservationRow, None]:
    """Yield a run's observations behind the one ``after``, in order.

    They are fetched a few at a time, so that any run takes little memory. No transaction is open between two fetches,
    however long the caller takes: nothing old is kept from vacuum, and a pipe that waits for its reader loses no
    connection. Observations are never changed, only added. Raises ``InputRefusedError`` behind the last one when
    retention deleted the run meanwhile: what was yielded is not whole.
    """
    last = after
    while rows := await database.fetch(_QUERIES["observations"], run_id, last, _AT_ONCE):
        for row in rows:
            columns: dict[str, Any] = dict(row)
            columns["timings"] = json.loads(columns["timings"])
            columns["fields"] = json.loads(columns["fields"])
            yield ObservationRow(**columns)
        last = rows[-1]["id"]
    await check_kept(database, run_id)
