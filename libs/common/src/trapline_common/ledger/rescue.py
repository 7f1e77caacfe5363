"""Rescue: end invocations that died and give their tasks back, under the lane's exclusive lock."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from trapline_common.domain.ids import InvocationId, LaneName, TaskId
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import invocations, lanes, poison
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.queries import load
from trapline_common.ledger.separate_jobs import SeparateJobs

_INVOCATIONS = load("invocations")
_TASKS = load("tasks")

PENDING_TTL = 330.0
"""Seconds an invocation may take to become ``ready``: above ``MaximumEventAgeInSeconds`` (300), so none starts late."""

HEARTBEAT_TTL = 45.0
"""Seconds without a heartbeat after which an invocation is ``orphaned``: nine heartbeats of 5 s."""

LONGEST_SILENCE = HEARTBEAT_TTL * 2 / 3
"""Seconds without a heartbeat after which a crawler ends by itself, 30: whatever stopped it, its browser is closed and
its process gone before its slot, its tasks and its hosts' slots are given away."""

BELIEVED_AFTER = HEARTBEAT_TTL * 2 / 9
"""Seconds without a heartbeat, 10: two of them, after which a report is believed that says that an invocation failed.
Lambda may deliver an event twice under one request id: the report of one that died is in no way different from one
about its twin, except that the twin lives."""

MAX_RESCUES = 2
"""How many times a task that was started may be rescued; the next time it is ``failed`` as poison."""

MAX_UNSTARTED = 4
"""How many leases in a row may die before the task was started; with the next it is ``failed`` as poison."""

FREE_UNSTARTED = 2
"""How many of these are not charged: a neighbour that kills the crawler takes along what was leased with it. Further
ones are, so that the task comes alone and shows whether it is the cause."""


UNSTARTED_WAIT = 5.0
"""Seconds by which a task comes later for each lease in a row that died before it was started."""

BATCH = 2_000
"""Tasks that go back in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """The result of one rescue of a lane."""

    orphaned: tuple[InvocationId, ...] = ()
    """Invocations that never started in time, or whose heartbeats stopped."""
    returned: tuple[TaskId, ...] = ()
    """Tasks that wait again."""
    poisoned: tuple[TaskId, ...] = ()
    """Tasks whose budget of rescues was used up, and whose page failed for it."""


class LastSign(NamedTuple):
    """The last heartbeat of an invocation that was reported as failed."""

    at: datetime
    """When it came, by the ledger's clock."""
    lasts: float
    """Seconds until the report is believed if no other comes; none are left at 0 and below."""


async def reap_lanes(
    jobs: SeparateJobs, *, location: ArtifactLocation, pending_ttl: float, heartbeat_ttl: float
) -> Rescue:
    """Reap every lane that has waiting tasks, leases or active invocations; return what was done in all of them.

    Each lane is a job of its own: one whose rescue raises keeps no other from being rescued.
    """
    reap = partial(reap_lane, location=location, pending_ttl=pending_ttl, heartbeat_ttl=heartbeat_ttl)
    found = [
        await jobs.run(f"rescue in lane {lane}", partial(reap, lane=lane), instead=Rescue())
        for lane in await jobs.find("look for lanes to rescue", _lanes_to_reap)
    ]
    return Rescue(
        orphaned=tuple(invocation for one in found for invocation in one.orphaned),
        returned=tuple(task for one in found for task in one.returned),
        poisoned=tuple(task for one in found for task in one.poisoned),
    )


async def _lanes_to_reap(database: Database) -> list[LaneName]:
    return [LaneName(row["name"]) for row in await database.fetch(_TASKS["lanes_to_reap"])]


async def reap_lane(
    database: Database,
    lane: LaneName,
    *,
    location: ArtifactLocation,
    pending_ttl: float = PENDING_TTL,
    heartbeat_ttl: float = HEARTBEAT_TTL,
) -> Rescue:
    """Orphan what never started or stopped beating, under the lane's lock; then give its tasks back.

    Keeps guarantee 2. One statement could not see a lease that committed while it waited for the lock.
    """
    async with database.transaction():
        await lanes.lock_exclusive(database, lane)
        rows = await database.fetch(_INVOCATIONS["orphan"], lane, pending_ttl, heartbeat_ttl)
    returned, poisoned = await _release(database, lane, location)
    return Rescue(
        orphaned=tuple(InvocationId(row["id"]) for row in rows), returned=tuple(returned), poisoned=tuple(poisoned)
    )


async def fail_reported(
    database: Database,
    invocation_id: InvocationId,
    *,
    request_id: str | None,
    delivery: str | None = None,
    reason: str,
    detail: str | None = None,
    silent_for: float,
    location: ArtifactLocation,
) -> bool:
    """A failure was reported: fail the invocation and give its tasks back; ``False`` when the report is not about it.

    It fails the row only if its request id, or the name of the child execution that called, is the one stored at
    ``ready`` and the last heartbeat is ``silent_for`` seconds old, 0 for who knows that the process is gone; or if the
    row is still ``created`` or ``pending``. So a duplicate's report never fails its twin that runs and beats.
    """
    lane = await invocations.lane_of(database, invocation_id)
    if lane is None:
        return False
    async with database.transaction():
        await lanes.lock_exclusive(database, lane)
        why = (to_text(reason), to_text(detail))
        failed = await database.fetchrow(
            _INVOCATIONS["fail_from_queue"], invocation_id, request_id, *why, delivery, silent_for
        )
    await _release(database, lane, location)
    return failed is not None


async def last_sign(
    database: Database, invocation_id: InvocationId, *, request_id: str | None, delivery: str | None, silent_for: float
) -> LastSign | None:
    """Return the last sign of life of the invocation that a report is about; ``None``: of none that became ready."""
    row = await database.fetchrow(_INVOCATIONS["last_sign"], invocation_id, request_id, delivery, silent_for)
    return None if row is None else LastSign(at=row["heartbeat_at"], lasts=row["lasts"])


async def fail_own(
    database: Database, held: Held, *, reason: str, detail: str | None = None, location: ArtifactLocation
) -> bool:
    """The crawler ends with an error: ``-> failed``, and what it held goes back. ``False`` when it was taken away."""
    async with database.transaction():
        await lanes.lock_exclusive(database, held.lane)
        why = (to_text(reason), to_text(detail))
        failed = await database.fetchrow(_INVOCATIONS["fail_own"], held.invocation_id, held.owner, *why)
    await _release(database, held.lane, location)
    return failed is not None


async def _release(database: Database, lane: LaneName, location: ArtifactLocation) -> tuple[list[TaskId], list[TaskId]]:
    """Give back what ended invocations of the lane hold, and fail what has no budget left; return both.

    Outside the lane's lock: no lease can come to an invocation once its end has committed. A task without a budget
    stays leased to the ended invocation until it is failed, so that a rescue that is cut off leaves it to the next.
    """
    limits = (MAX_RESCUES, MAX_UNSTARTED)
    exhausted = [poison.exhausted(row) for row in await database.fetch(_TASKS["exhausted"], lane, *limits)]
    returned: list[TaskId] = []
    while True:
        rows = await database.fetch(_TASKS["rescue"], lane, *limits, FREE_UNSTARTED, BATCH, UNSTARTED_WAIT)
        returned += [TaskId(row["id"]) for row in rows]
        if len(rows) < BATCH:
            return returned, await poison.fail_all(database, exhausted, location=location)
