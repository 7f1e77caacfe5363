"""The alert outbox as people read it: what was told to whom, newest first."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from trapline_common.content.diff import FieldChange
from trapline_common.content.word_diff import DiffLine, of_unified
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.changes import told_fields

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


_DELIVERIES = TypeAdapter(tuple[Told, ...])


async def list_alerts(
    database: Database, *, limit: int, status: str | None = None, crawl: str | None = None, before: int | None = None
) -> tuple[AlertRow, ...]:
    """Return alerts. ``before``: the id of the last one that was shown."""
    rows = await database.fetch(_QUERIES["alerts"], status, crawl, before, limit)
    taken = {"diff", "fields", "recipients", "deliveries"}
    return tuple(
        AlertRow(
            **{key: item for key, item in row.items() if key not in taken},
            fields=told_fields(row["fields"]),
            lines=of_unified(row["diff"] or "", max_lines=_LINES),
            recipients=tuple(row["recipients"]),
            deliveries=_DELIVERIES.validate_json(row["deliveries"]),
        )
        for row in rows
    )
