"""Accepted changes over all pages, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.content.diff import FieldChange
from trapline_common.content.word_diff import DiffLine, of_unified
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, Row, rows_of

_QUERIES = load("views/changes")
MAX_VALUE = 200
"""Characters of a field's value that a list shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCard:
    """A change as a list shows it."""

    id: int
    """The observation that found it."""
    page_id: int
    """The page."""
    crawl: str
    """The page's crawl."""
    url: str
    """The page's URL."""
    title: str | None
    """Its title now."""
    run_id: int
    """The run that found it."""
    at: datetime
    """When it was observed."""
    screenshot: str | None
    """The artifact key of its screenshot."""
    fields: tuple[FieldChange, ...]
    """The extracted fields that differ, as its alert tells them."""
    lines: tuple[DiffLine, ...]
    """The first lines that differ, as its alert tells them."""


def changes(
    *,
    limit: int,
    lines: int,
    crawl: str | None = None,
    since: datetime | None = None,
    day: bool = False,
    before: tuple[datetime, int] | None = None,
) -> Read[tuple[ChangeCard, ...]]:
    """Read changes, each with at most ``lines`` lines.

    ``day``: of the last 24 hours only. ``before``: moment and id of the last one that was shown.
    """
    at, last = before or (None, None)

    def made(rows: list[Row]) -> tuple[ChangeCard, ...]:
        told = [
            {**row, "fields": told_fields(row["fields"]), "lines": of_unified(row["diff"] or "", max_lines=lines)}
            for row in rows
        ]
        return rows_of(ChangeCard)(told)

    return Read(query=_QUERIES["changes"], arguments=(crawl, since, at, last, limit, day), made=made)


def told_fields(told: object) -> tuple[FieldChange, ...]:
    """Return the fields of an alert's payload, each value cut; none of a payload that says it in another way."""
    items: list[Any] = told if isinstance(told, list) else []
    return tuple(
        FieldChange(name=str(item.get("name", "")), old=_cut(item.get("old")), new=_cut(item.get("new")))
        for item in items
        if isinstance(item, dict)
    )


def _cut(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
