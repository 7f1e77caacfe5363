"""Invocations of the crawler, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline_common.domain.lifecycle import ACTIVE
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, read_alone, rows_of

_QUERIES = load("views/invocations")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRow:
    """An invocation."""

    id: UUID
    """Its id, made with its row; the event carries it."""
    lane: str
    """The lane whose count asked for it."""
    slot: int
    """Its number among the lane's active invocations; no two have the same."""
    status: str
    """One of the eight statuses of ``lifecycle.InvocationStatus``."""
    hop: int
    """How many nudges led to the count that asked for it."""
    asks: int
    """How often Lambda was asked for it."""
    created_at: datetime
    """When its row was written."""
    asked_at: datetime | None
    """When Lambda was asked for it last."""
    pending_at: datetime | None
    """When Lambda accepted the event."""
    ready_at: datetime | None
    """When the crawler recorded that it runs."""
    running_at: datetime | None
    """When it leased its first task."""
    heartbeat_at: datetime | None
    """When its last heartbeat came."""
    ended_at: datetime | None
    """When it ended."""
    request_id: str | None
    """The platform's id of the delivery that became ``ready``."""
    place: str | None
    """The name of its process: the log stream on Lambda, host and process on one machine."""
    reason: str | None
    """Why it ended, in one word; ``None`` when it succeeded."""
    detail: str | None
    """The same in one line, for a person."""
    duplicates: int
    """Deliveries of its event that came twice, or too late."""
    stale: int
    """Its writes that the fence refused."""
    leased: int
    """Tasks that it holds now."""
    via: str
    """How it was asked for: a word of ``domain.via.Via``."""
    wave: UUID | None
    """The name of the execution that calls it; ``None`` where none does."""


def invocations(
    *,
    limit: int | None,
    lane: str | None = None,
    statuses: tuple[str, ...] | None = None,
    run_id: int | None = None,
    before: tuple[datetime, UUID] | None = None,
) -> Read[tuple[InvocationRow, ...]]:
    """Read invocations, newest first; ``limit`` ``None``: all of them.

    ``run_id``: those that were the last to hold a task of that run. ``before``: moment and id of the last one that was
    shown.
    """
    given = None if statuses is None else list(statuses)
    arguments = (lane, given, run_id, limit, *(before or (None, None)))
    return Read(query=_QUERIES["invocations"], arguments=arguments, made=rows_of(InvocationRow))


async def list_invocations(
    database: Database,
    *,
    limit: int | None,
    lane: str | None = None,
    statuses: tuple[str, ...] | None = None,
    run_id: int | None = None,
) -> tuple[InvocationRow, ...]:
    """Return invocations as ``invocations`` reads them."""
    return await read_alone(database, invocations(limit=limit, lane=lane, statuses=statuses, run_id=run_id))


async def active_invocations(database: Database) -> tuple[InvocationRow, ...]:
    """Return every invocation that counts against its lane's cap; lanes bound how many there are."""
    return await read_alone(database, invocations(limit=None, statuses=tuple(sorted(ACTIVE))))
