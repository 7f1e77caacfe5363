"""The count: how many invocations a lane is missing."""

from dataclasses import dataclass

PAGES_IN_FLIGHT = 3
"""Pages that a crawler loads at once for each core, where the lane says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLoad:
    """One lane as it was counted under its exclusive lock."""

    waiting: int
    """Tasks in ``created`` whose ``run_at`` has come."""
    idle: int
    """Invocations in ``created``, ``pending`` and ``ready``: asked for, and without a task so far."""
    running: int
    """Invocations that hold tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """The limits of a lane, from ``crawls.yaml``; a machine may lower the first."""

    max_invocations: int
    """Invocations that may be active at once."""
    tasks_per_invocation: int
    """Tasks in one share."""


def missing_invocations(load: LaneLoad, limits: LaneLimits) -> int:
    """Return how many invocations to make now: no more than the cap leaves, and no more than the waiting tasks need."""
    free = limits.max_invocations - (load.idle + load.running)
    wanted = -(-load.waiting // limits.tasks_per_invocation) - load.idle
    return max(0, min(free, wanted))


FREE_STARTS = 2
"""Counts in a row whose invocations may all fail before they hold a task, until the next has to wait: one crash is no
reason to slow a lane."""


def pause(false_starts: int, *, longest: float) -> float:
    """Return the seconds from the last false start to the next count that may ask again: 0, 0, 1, 2, 4 ... ``longest``.

    ``false_starts``: counts in a row that made nothing but invocations that failed before they held a task. An image
    that crashes at its start is asked for a few times a minute, not in a loop with its failure records.
    """
    if false_starts <= FREE_STARTS:
        return 0.0
    return min(longest, 2.0 ** min(false_starts - FREE_STARTS - 1, 30))
