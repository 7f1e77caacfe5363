"""Rescue: end invocations that died and give their tasks back, under the lane's exclusive lock."""

from dataclasses import dataclass

from trapline_common.config.frozen_run import FrozenRun
from trapline_common.domain.ids import InvocationId, LaneName, RunId, TaskId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import lanes, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.queries import load

_INVOCATIONS = load("invocations")
_TASKS = load("tasks")

PENDING_TTL = 330.0
"""Seconds an invocation may take to become ``ready``: above ``MaximumEventAgeInSeconds`` (300), so none starts late."""

HEARTBEAT_TTL = 45.0
"""Seconds without a heartbeat after which an invocation is ``orphaned``: nine heartbeats of 5 s."""

LONGEST_SILENCE = HEARTBEAT_TTL * 2 / 3
"""Seconds without a heartbeat after which a crawler ends by itself, 30: whatever stopped it, its browser is closed and
its process gone before its slot, its tasks and its hosts' slots are given away."""

MAX_RESCUES = 2
"""How many times a task that was started may be rescued; the next time it is ``failed`` as poison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """The result of one rescue of a lane."""

    orphaned: tuple[InvocationId, ...] = ()
    """Invocations that never started in time, or whose heartbeats stopped."""
    returned: tuple[TaskId, ...] = ()
    """Tasks that wait again."""
    poisoned: tuple[TaskId, ...] = ()
    """Tasks whose budget of rescues was used up, and whose page failed for it."""


async def reap_lanes(
    database: Database, *, location: ArtifactLocation, pending_ttl: float, heartbeat_ttl: float
) -> Rescue:
    """Reap every lane that has waiting tasks or active invocations; return what was done in all of them."""
    found = [
        await reap_lane(database, lane, location=location, pending_ttl=pending_ttl, heartbeat_ttl=heartbeat_ttl)
        for lane in await lanes.busy_lanes(database)
    ]
    return Rescue(
        orphaned=tuple(invocation for one in found for invocation in one.orphaned),
        returned=tuple(task for one in found for task in one.returned),
        poisoned=tuple(task for one in found for task in one.poisoned),
    )


async def reap_lane(
    database: Database,
    lane: LaneName,
    *,
    location: ArtifactLocation,
    pending_ttl: float = PENDING_TTL,
    heartbeat_ttl: float = HEARTBEAT_TTL,
) -> Rescue:
    """Orphan what never started or stopped beating, then give its tasks back: separate statements under the lock.

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
    request_id: str,
    reason: str,
    detail: str | None = None,
    location: ArtifactLocation,
) -> bool:
    """A failure-queue record: fail the invocation and give its tasks back; ``False`` when the record is not about it.

    It fails the row only if its request id is the one stored at ``ready``, or the row is still ``created`` or
    ``pending``: a duplicate's record never fails its twin that runs.
    """
    lane = await database.fetchval(_INVOCATIONS["lane_of"], invocation_id)
    if lane is None:
        return False
    async with database.transaction():
        await lanes.lock_exclusive(database, lane)
        why = (to_text(reason), to_text(detail))
        failed = await database.fetchrow(_INVOCATIONS["fail_from_queue"], invocation_id, request_id, *why)
        await _release(database, lane, location)
    return failed is not None


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
    poisoned = []
    for row in await database.fetch(_TASKS["exhausted"], lane, MAX_RESCUES):
        run_id = RunId(row["run_id"])
        run = (await runs.frozen(database, [run_id], pages=False))[run_id]
        lease = tasks.Lease(
            task_id=TaskId(row["id"]), seq=row["lease_seq"], invocation_id=InvocationId(row["invocation_id"])
        )
        urls = row["urls"] or [row["url"]]
        await _poison(
            database, lease, run=run, urls=urls, position=row["position"], bad=row["failed_pages"], location=location
        )
        poisoned.append(lease.task_id)
    rows = await database.fetch(_TASKS["rescue"], lane)
    return [TaskId(row["id"]) for row in rows], poisoned


async def _poison(
    database: Database,
    lease: tasks.Lease,
    *,
    run: FrozenRun,
    urls: list[str],
    position: int,
    bad: int,
    location: ArtifactLocation,
) -> None:
    """Record the page as failed. An ordered task goes on behind it without its session, which may be the cause."""
    url = urls[position]
    detail = f"{MAX_RESCUES + 1} invocations that took it died while it loaded"
    failure = Failure(reason=Reason.POISON, detail=detail, retry=False)
    last = position + 1 >= len(urls)
    step = tasks.NextStep(
        status=TaskStatus.FAILED if last else TaskStatus.CREATED,
        failure=failure,
        position=position + 1,
        failed_pages=bad + 1,
    )
    await settle(
        database,
        lease,
        run=run,
        page=await tasks.read_page(database, run.crawl.name, url),
        observation=Observation(url=url, failure=failure),
        step=step,
        location=location,
    )
