"""A durable invocation in the ledger: its execution resumes it slice by slice, and it keeps its leases in between."""

from collections.abc import Sequence
from dataclasses import dataclass

from trapline_common.domain.ids import InvocationId, LaneName, OwnerToken
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.queries import load
from trapline_common.ledger.rescue import MAX_RESCUES, MAX_UNSTARTED

_SLICES = load("slices")

LATE = 60.0
"""Seconds by which the next slice may come late after a rest, beside the heartbeats' time to live: Lambda may have to
start a new environment, or have none to spare for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """An invocation that its execution holds still."""

    held: Held
    """The invocation, with a fresh owner token and its lane's limits as they are now."""
    running: bool
    """Whether it has held a task already."""
    above_cap: bool
    """Whether its lane's cap was lowered below it meanwhile: it has to hand back what it holds, and end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A task that the slice before left leased."""

    task: tasks.LeasedTask
    """The task, under the lease that it has."""
    poison: str | None
    """Which budget is used up, in one line for people; ``None`` while the task may be worked on."""


async def resume(
    database: Database,
    invocation_id: InvocationId,
    *,
    execution: str,
    owner: OwnerToken,
    request_id: str,
    process_name: str,
) -> Resumed | None:
    """Take the invocation on for another slice; ``None`` when ``execution`` does not hold it, or no longer.

    One whose run was cancelled meanwhile is resumed: its next lease or heartbeat finds that, and it ends in order.
    ``execution`` is what ``become_ready`` stored as ``delivery``. From here on only ``owner`` passes.
    """
    args = (invocation_id, execution, owner, request_id, process_name)
    row = await database.fetchrow(_SLICES["resume"], *args)
    if row is None:
        return None
    return Resumed(
        held=Held(
            invocation_id=invocation_id,
            owner=owner,
            lane=LaneName(row["lane"]),
            hop=row["hop"],
            tasks_per_invocation=row["tasks_per_invocation"],
            pages_in_flight=row["pages_in_flight"],
            host_delay=row["host_delay"],
            host_concurrency=row["host_concurrency"],
        ),
        running=row["running"],
        above_cap=row["above_cap"],
    )


async def adopt(database: Database, held: Held) -> Sequence[Adopted]:
    """Return what the slice before left leased; a task whose page cut that slice off is charged with a rescue.

    Keeps guarantee 2: a page that kills every slice uses its task's budget up, as one that kills every invocation does.
    """
    rows = await database.fetch(_SLICES["adopt"], held.invocation_id)
    return [
        Adopted(task=tasks.leased(row, held.invocation_id), poison=_poison(row["rescues"], row["unstarted"]))
        for row in rows
    ]


def _poison(rescues: int, unstarted: int) -> str | None:
    if rescues > MAX_RESCUES:
        return f"{rescues} calls of the function died while it loaded"
    # The adoption that follows a slice's end in order is counted too, and no slice died before it.
    if unstarted > MAX_UNSTARTED + 1:
        return f"{unstarted - 1} calls of the function in a row ended before they started it"
    return None


async def keep(database: Database, lease: tasks.Lease) -> None:
    """Leave the task leased for the next slice, uncharged. Raises ``LeaseLostError``."""
    await tasks.fenced(database, _SLICES["keep"], lease)


async def keep_paused(database: Database, lease: tasks.Lease, *, delay: float, longest: float) -> float | None:
    """The same, because its host asks for a pause of ``delay`` seconds; return the seconds until the next slice.

    The bounds are those of ``tasks.pause``. ``None``: its pauses took ``longest`` seconds in all. Raises
    ``LeaseLostError``.
    """
    fence = (lease.task_id, lease.seq, lease.invocation_id)
    row = await database.fetchrow(_SLICES["keep_paused"], *fence, delay, longest, tasks.LONGEST_DOUBLING)
    if row is None and not await tasks.is_held(database, lease):
        raise await tasks.lost(database, lease)
    return None if row is None else float(row["delay"])


async def rest(database: Database, held: Held, seconds: float) -> bool:
    """Count as alive for ``seconds`` in which nothing runs, and ``LATE`` more; ``False`` when it was taken away."""
    return await database.fetchrow(_SLICES["rest"], held.invocation_id, held.owner, seconds + LATE) is not None
