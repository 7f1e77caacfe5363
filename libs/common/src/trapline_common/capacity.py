"""The count: how many invocations a lane is missing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLoad:
    """What was counted in one lane under its exclusive lock.

    ``waiting`` counts tasks in ``created`` whose ``run_at`` has come; ``idle`` invocations in created, pending and ready;
    ``running`` those that hold tasks.
    """

    waiting: int
    idle: int
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """What a lane allows: invocations at once, and tasks in one share."""

    max_invocations: int
    tasks_per_invocation: int


def missing_invocations(load: LaneLoad, limits: LaneLimits) -> int:
    """Return how many invocations to make now: never more than the cap leaves, never more than the waiting tasks need."""
    room = limits.max_invocations - (load.idle + load.running)
    wanted = -(-load.waiting // limits.tasks_per_invocation) - load.idle
    return max(0, min(room, wanted))
