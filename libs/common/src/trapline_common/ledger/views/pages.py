"""Pages: which crawls visit a URL, and the last accepted change of one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.pictures import PictureRow, read_picture_row
from trapline_common.ledger.views.row import read

_QUERIES = load("views/pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """One URL of one crawl."""

    id: int
    """The page's number."""
    crawl: str
    """The crawl that visits it."""
    url: str
    """Its URL, in normal form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A page's accepted change."""

    observation_id: int
    """The observation of the changed page."""
    run_id: int
    """The run that found it."""
    baseline_run: int | None
    """The run of the baseline that it differs from; ``None`` when that is no longer kept."""
    at: datetime
    """When the changed page was observed."""
    baseline_at: datetime | None
    """When the baseline was."""
    title: str | None
    """The page's title now."""
    final_url: str | None
    """Where redirects led."""
    screenshot: str | None
    """The artifact key of the changed page's screenshot."""
    old_text: str | None
    """The watched text before; ``None`` when it is no longer kept."""
    new_text: str | None
    """The watched text after; ``None`` when it is no longer kept."""
    old_fields: Mapping[str, str | None] | None
    """The extracted fields before, by name; ``None`` when the observation is no longer kept."""
    new_fields: Mapping[str, str | None]
    """The extracted fields after, by name."""
    alert_diff: str | None
    """The bounded diff that its alert carried, if it had one."""
    picture: PictureRow | None
    """What its picture is; ``None``: the crawl compares no pictures."""


async def find_pages(database: Database, url: str, *, crawl: str | None = None) -> list[PageRow]:
    """Return the pages with this normalised URL, by crawl."""
    return [read(PageRow, row) for row in await database.fetch(_QUERIES["pages"], url, crawl)]


async def find_page(database: Database, page_id: int) -> PageRow | None:
    """Return the page of this number, if there is such."""
    row = await database.fetchrow(_QUERIES["page"], page_id)
    return None if row is None else read(PageRow, row)


async def last_change(database: Database, page_id: int, *, run_id: int | None = None) -> Change | None:
    """Return a page's newest accepted change, or the one that ``run_id`` found."""
    row = await database.fetchrow(_QUERIES["last_change"], page_id, run_id)
    if row is None:
        return None
    return Change(
        observation_id=row["new_id"],
        run_id=row["run_id"],
        baseline_run=row["baseline_run"],
        at=row["at"],
        baseline_at=row["baseline_at"],
        title=row["title"],
        final_url=row["final_url"],
        screenshot=row["screenshot"],
        old_text=None if row["old_id"] is None else await database.fetchval(_QUERIES["text"], row["old_id"]),
        new_text=await database.fetchval(_QUERIES["text"], row["new_id"]),
        old_fields=None if row["old_fields"] is None else json.loads(row["old_fields"]),
        new_fields=json.loads(row["new_fields"]),
        alert_diff=row["diff"],
        picture=read_picture_row(row["visual"]),
    )
