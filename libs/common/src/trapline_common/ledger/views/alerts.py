"""The alert outbox as people read it: what was told to whom, newest first."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.content.diff import FieldChange
from trapline_common.content.word_diff import DiffLine, of_unified
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.changes import told_fields
from trapline_common.ledger.views.together import Read, Row, rows_of

_QUERIES = load("views/alerts")
_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One channel's part in an alert."""

    channel: str
    """The channel."""
    status: str
    """``due``, ``sent``, ``refused`` or ``dropped``."""
    attempts: int
    """How often a notifier tried."""
    reason: str | None
    """Why it was refused or dropped."""
    ended_at: datetime | None
    """When it was sent, refused or dropped."""
    joined: bool
    """Whether it is told in the sum of its cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """An alert."""

    id: int
    """Its number; messages carry it."""
    kind: str
    """``failure``, ``change``, ``recovery``, ``summary`` and the like."""
    crawl: str
    """The crawl."""
    run_id: int | None
    """The run that caused it."""
    page_id: int | None
    """The page that it is about; ``None`` of a run's."""
    status: str
    """``due``, ``sent``, ``refused`` or ``muted``."""
    created_at: datetime
    """When its cause committed."""
    sent_at: datetime | None
    """When the last channel that it went to had it."""
    reason: str | None
    """Why it was refused."""
    url: str
    """The page's URL; empty of a run's."""
    title: str
    """The page's title, if it had one."""
    detail: str
    """What happened, in one line."""
    fields: tuple[FieldChange, ...]
    """Of a change: the extracted fields that differ."""
    lines: tuple[DiffLine, ...]
    """Of a change: the first lines that differ."""
    recipients: tuple[str, ...]
    """Names of channels; empty means all."""
    deliveries: tuple[Told, ...]
    """Each channel's part, by name; none until a notifier spread it."""


def alerts(
    *, limit: int, status: str | None = None, crawl: str | None = None, before: int | None = None
) -> Read[tuple[AlertRow, ...]]:
    """Read alerts, newest first. ``before``: the id of the last one that was shown."""
    return Read(query=_QUERIES["alerts"], arguments=(status, crawl, before, limit), made=_alerts)


def _alerts(rows: list[Row]) -> tuple[AlertRow, ...]:
    told = [
        {**row, "fields": told_fields(row["fields"]), "lines": of_unified(row["diff"] or "", max_lines=_LINES)}
        for row in rows
    ]
    return rows_of(AlertRow)(told)
