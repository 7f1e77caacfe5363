"""Lanes: their limits, their lock, and the count that says which invocations are missing."""

from dataclasses import dataclass

from trapline_common.config.models import LaneConfig
from trapline_common.domain.capacity import PAGES_IN_FLIGHT, LaneLimits, LaneLoad, missing_invocations, pause
from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import ABOVE_CAP
from trapline_common.ledger.queries import load

_LANES = load("lanes")
_INVOCATIONS = load("invocations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was counted in a lane, and the rows inserted for it."""

    load: LaneLoad
    """The lane's tasks and invocations, as counted under its lock."""
    missing: int
    """Invocations that the count asks for."""
    created: tuple[InvocationId, ...]
    """The rows that were inserted, as many as ``missing``."""
    false_starts: int = 0
    """Counts in a row whose invocations failed before they held a task."""
    pause: float = 0.0
    """Seconds that the lane still waits because of its false starts; then nothing was inserted."""
    above_cap: int = 0
    """Active invocations beyond the lane's cap, which was lowered; ``trim`` ends those without a process."""


async def put_lane(database: Database, name: LaneName, config: LaneConfig) -> None:
    """Store a lane's limits; the newest config wins. They bind from then on, what already runs too."""
    await database.fetch(_LANES["put_lane"], name, *_limits(config))


async def change_lane(database: Database, name: LaneName, config: LaneConfig) -> bool:
    """Bring the limits of a lane that the ledger knows up to date; say whether that changed any."""
    return await database.fetchrow(_LANES["change_lane"], name, *_limits(config)) is not None


def _limits(config: LaneConfig) -> tuple[object, ...]:
    return (
        config.max_invocations,
        config.tasks_per_invocation,
        config.pages_in_flight or PAGES_IN_FLIGHT,
        config.host_delay,
        config.host_concurrency,
        config.via,
    )


async def busy_lanes(database: Database) -> list[LaneName]:
    """Return the lanes that hold waiting tasks or active invocations."""
    return [LaneName(row["name"]) for row in await database.fetch(_LANES["busy_lanes"])]


async def lock_exclusive(database: Database, lane: LaneName) -> None:
    """Take the lane's lock until the transaction ends: no lease, ready, plan or reap runs beside it."""
    await database.fetch(_LANES["lock_exclusive"], lane)


async def plan(
    database: Database,
    lane: LaneName,
    *,
    hop: int = 0,
    at_most: int | None = None,
    pages: int | None = None,
    most: int | None = None,
    longest_pause: float = 0.0,
) -> Plan:
    """Count a lane and insert exactly the invocations it is missing, in one transaction under the exclusive lock.

    ``at_most`` lowers the lane's cap on this machine, and so does ``pages``: no more invocations than load so many
    pages at once. ``most``: how many the caller has a use for. Keeps guarantee 4: never above the cap, and no
    invocation that the count did not ask for. An unknown lane plans nothing; nor does one that makes false starts, for
    at most ``longest_pause`` seconds after each.
    """
    async with database.transaction():
        await lock_exclusive(database, lane)
        row = await database.fetchrow(_LANES["load"], lane)
        if row is None:
            return Plan(load=LaneLoad(waiting=0, idle=0, running=0), missing=0, created=())
        counted = LaneLoad(waiting=row["waiting"], idle=row["idle"], running=row["running"])
        cap = row["max_invocations"] if at_most is None else min(at_most, row["max_invocations"])
        cap = cap if pages is None else min(cap, -(-pages // row["pages_in_flight"]))
        limits = LaneLimits(max_invocations=cap, tasks_per_invocation=row["tasks_per_invocation"])
        missing = missing_invocations(counted, limits)
        missing = missing if most is None else min(missing, most)
        failing = row["false_starts"]
        wait = pause(failing, longest=longest_pause) - (row["failed_ago"] or 0.0)
        above = max(0, counted.idle + counted.running - row["max_invocations"])
        if missing and wait > 0:
            return Plan(load=counted, missing=0, created=(), false_starts=failing, pause=wait)
        rows = await database.fetch(_INVOCATIONS["insert_missing"], lane, missing, hop, failing) if missing else []
    created = tuple(InvocationId(row["id"]) for row in rows)
    return Plan(load=counted, missing=missing, created=created, false_starts=failing, above_cap=above)


async def trim(database: Database, lane: LaneName) -> int:
    """End what a lowered cap left above it and has no process yet; return how many rows.

    The rest above the cap gets no share and ends by itself. Without this a lane's crawlers would leave tasks to
    invocations that nobody asks for.
    """
    async with database.transaction():
        await lock_exclusive(database, lane)
        return len(await database.fetch(_INVOCATIONS["trim"], lane, ABOVE_CAP))
