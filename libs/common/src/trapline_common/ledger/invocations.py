"""The life of an invocation: each step a compare-and-set on the old status."""

from dataclasses import dataclass, replace

from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, LaneName, OwnerToken
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.platform.logging import get_logger

_LANES = load("lanes")
_INVOCATIONS = load("invocations")
_log = get_logger("invocations")

ASK_AGAIN_AFTER = 20.0
"""Seconds after which an unanswered Invoke is asked again with the same id (longer than our client's time-outs)."""


REFUSED = "refused"
"""The reason of an invocation whose event Lambda refused for good."""

ABOVE_CAP = "above the lane's cap"
"""The reason of an invocation that ended before it held a task, because its lane's cap was lowered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to call Invoke once for a ``created`` row."""

    invocation_id: InvocationId
    """The row."""
    lane: LaneName
    """Its lane."""
    hop: int
    """How many nudges led to it, of at most ``MAX_HOP``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An invocation that won ``-> ready``, with its lane's limits as they were then."""

    invocation_id: InvocationId
    """The row."""
    owner: OwnerToken
    """The fresh token that only this process knows; each later step of the row checks it."""
    lane: LaneName
    """Its lane."""
    hop: int
    """How many nudges led to it."""
    tasks_per_invocation: int
    """Tasks of one share, at most."""
    pages_in_flight: int
    """Pages that one invocation visits at a time, at most."""
    host_delay: float
    """Seconds between two visits to one host, across the lane."""
    host_concurrency: int | None
    """Visits to one host at a time, across the lane; ``None``: no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The answer to one heartbeat: the invocation is still the caller's."""

    held: Held
    """The invocation, with its lane's limits as they are now."""
    above_cap: bool
    """Whether the lane's cap was lowered below it: it has to hand back what it has not started, and end."""


async def claim_asking(
    database: Database, invocation_id: InvocationId, *, again_after: float = ASK_AGAIN_AFTER
) -> Claim | None:
    """Claim the next Invoke of a ``created`` row; ``None`` when another process has it, or the row needs none.

    Compare-and-set on ``asked_at``: of a slow dispatcher and the reaper only one calls Invoke. A row above the lane's
    cap needs none.
    """
    row = await database.fetchrow(_INVOCATIONS["claim_asking"], invocation_id, again_after)
    if row is None:
        return None
    return Claim(invocation_id=invocation_id, lane=LaneName(row["lane"]), hop=row["hop"])


async def unasked(database: Database, *, again_after: float = ASK_AGAIN_AFTER) -> list[InvocationId]:
    """Return ``created`` rows that no dispatcher has asked Lambda for, or whose answer never came."""
    return [InvocationId(row["id"]) for row in await database.fetch(_INVOCATIONS["unasked"], again_after)]


async def lane_of(database: Database, invocation_id: InvocationId) -> LaneName | None:
    """Return the lane of an invocation; ``None`` when there is no such row."""
    lane: str | None = await database.fetchval(_INVOCATIONS["lane_of"], invocation_id)
    return None if lane is None else LaneName(lane)


async def mark_pending(database: Database, invocation_id: InvocationId) -> bool:
    """``created -> pending``. ``False`` when the crawler's ``ready`` landed first."""
    return await database.fetchrow(_INVOCATIONS["pending"], invocation_id) is not None


async def mark_refused(database: Database, invocation_id: InvocationId, *, detail: str) -> bool:
    """``created -> failed``: Lambda refused the event for good; ``detail`` is what it answered.

    ``False`` when the row is no longer ``created``.
    """
    args = (invocation_id, REFUSED, to_text(detail))
    return await database.fetchrow(_INVOCATIONS["refused"], *args) is not None


async def become_ready(
    database: Database,
    invocation_id: InvocationId,
    *,
    owner: OwnerToken,
    request_id: str,
    process_name: str,
    delivery: str | None = None,
) -> Held | None:
    """``created | pending -> ready`` with a fresh owner token. ``delivery``: the child execution that calls.

    ``None`` when the event was delivered twice, or late: the loser ends without work, and the row counts it. ``None``
    too when the lane's cap was lowered below the row meanwhile: then the row is ``terminated``.
    """
    async with database.transaction():
        lane = await database.fetchval(_INVOCATIONS["lane_of"], invocation_id)
        if lane is None:
            return None
        await database.fetch(_LANES["lock_shared"], lane)
        row = await database.fetchrow(_INVOCATIONS["ready"], invocation_id, owner, request_id, process_name, delivery)
        if row is None:
            if await database.fetchrow(_INVOCATIONS["give_up"], invocation_id, ABOVE_CAP) is not None:
                _log.info("above_cap", invocation_id=str(invocation_id), lane=lane)
            else:
                await database.fetch(_INVOCATIONS["count_duplicate"], invocation_id)
            return None
    return Held(
        invocation_id=invocation_id,
        owner=owner,
        lane=LaneName(row["lane"]),
        hop=row["hop"],
        tasks_per_invocation=row["tasks_per_invocation"],
        pages_in_flight=row["pages_in_flight"],
        host_delay=row["host_delay"],
        host_concurrency=row["host_concurrency"],
    )


async def heartbeat(database: Database, held: Held) -> Beat:
    """Record that the invocation is alive, and return its lane's limits of this moment.

    Raises ``LeaseLostError`` when it was orphaned, failed or cancelled.
    """
    row = await database.fetchrow(_INVOCATIONS["heartbeat"], held.invocation_id, held.owner)
    if row is None:
        raise LeaseLostError(f"invocation {held.invocation_id} is no longer held")
    now = replace(
        held,
        tasks_per_invocation=row["tasks_per_invocation"],
        pages_in_flight=row["pages_in_flight"],
        host_delay=row["host_delay"],
        host_concurrency=row["host_concurrency"],
    )
    return Beat(held=now, above_cap=row["above_cap"])


async def end_cancelled(database: Database, held: Held) -> bool:
    """``-> terminated`` of an invocation whose run was cancelled; ``False`` when it was not, or had ended.

    Its crawler calls this when its pages are closed: until then the row keeps its slot. Keeps guarantee 4.
    """
    return await database.fetchrow(_INVOCATIONS["end_cancelled"], held.invocation_id, held.owner) is not None


async def succeed(database: Database, held: Held, reason: str | None = None) -> bool:
    """``running -> succeeded``; ``False`` when it still holds a task, was cancelled, or was taken away."""
    return await database.fetchrow(_INVOCATIONS["succeed"], held.invocation_id, held.owner, to_text(reason)) is not None


async def terminate_ready(database: Database, held: Held, reason: str) -> bool:
    """``ready -> terminated``: nothing was left to lease."""
    row = await database.fetchrow(_INVOCATIONS["terminate_ready"], held.invocation_id, held.owner, to_text(reason))
    return row is not None
