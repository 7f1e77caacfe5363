"""The statuses of runs, tasks and invocations, and the one table of legal transitions.

The database enforces the same tables with its guard triggers (``ledger/schema``); a test compares the two pair by pair.
"""

from collections.abc import Mapping
from enum import StrEnum


class RunStatus(StrEnum):
    """A run opens, is open while tasks remain, and ends once."""

    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"


class RunOutcome(StrEnum):
    """Why a run is ``ended``."""

    COMPLETED = "completed"  # every task ended
    SKIPPED = "skipped"  # the crawl's last run was still open (``overlap: skip``)
    REFUSED = "refused"  # its pages could not be worked out, for example a sitemap that is HTML
    CANCELLED = "cancelled"  # an operator ended it


class TaskStatus(StrEnum):
    """A task waits, is leased, and ends ``done`` or ``failed``."""

    CREATED = "created"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


class InvocationStatus(StrEnum):
    """The life of one asynchronous call of the crawler."""

    CREATED = "created"  # row inserted; Lambda not asked yet, or its answer is unknown
    PENDING = "pending"  # Lambda accepted the event; it waits in Lambda's queue
    READY = "ready"  # the function runs, and recorded that; it holds no task
    RUNNING = "running"  # it holds tasks
    SUCCEEDED = "succeeded"  # it did its work and ended
    FAILED = "failed"  # it ended with an error, or Lambda refused the event for good
    ORPHANED = "orphaned"  # it never started in time, or its heartbeats stopped
    TERMINATED = "terminated"  # nothing was left to lease, or an operator cancelled it


RUN_TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.OPENING: frozenset({RunStatus.OPEN, RunStatus.ENDED}),
    RunStatus.OPEN: frozenset({RunStatus.ENDED}),
    RunStatus.ENDED: frozenset(),
}

TASK_TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    # created -> failed: an operator cancelled the run before an invocation leased the task
    TaskStatus.CREATED: frozenset({TaskStatus.LEASED, TaskStatus.FAILED}),
    TaskStatus.LEASED: frozenset({TaskStatus.CREATED, TaskStatus.DONE, TaskStatus.FAILED}),
    TaskStatus.DONE: frozenset(),
    TaskStatus.FAILED: frozenset(),
}

_ENDINGS = frozenset({InvocationStatus.FAILED, InvocationStatus.ORPHANED, InvocationStatus.TERMINATED})

INVOCATION_TRANSITIONS: Mapping[InvocationStatus, frozenset[InvocationStatus]] = {
    InvocationStatus.CREATED: _ENDINGS | {InvocationStatus.PENDING, InvocationStatus.READY},
    InvocationStatus.PENDING: _ENDINGS | {InvocationStatus.READY},
    InvocationStatus.READY: _ENDINGS | {InvocationStatus.RUNNING},
    InvocationStatus.RUNNING: _ENDINGS | {InvocationStatus.SUCCEEDED},
    InvocationStatus.SUCCEEDED: frozenset(),
    InvocationStatus.FAILED: frozenset(),
    InvocationStatus.ORPHANED: frozenset(),
    InvocationStatus.TERMINATED: frozenset(),
}

IDLE = frozenset({InvocationStatus.CREATED, InvocationStatus.PENDING, InvocationStatus.READY})
"""Invocations that were asked for and hold no task yet."""

ACTIVE = IDLE | {InvocationStatus.RUNNING}
"""Invocations that count against the lane's cap."""
