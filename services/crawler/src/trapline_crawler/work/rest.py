"""The rest between two slices of a durable invocation: ordered tasks stay leased over it, and nobody pays for it."""

from dataclasses import dataclass

REST_FROM = 5.0
"""Seconds; a shorter wait passes within the slice. A rest costs two operations, a call and a browser's start: as much
as one to two seconds of the function. The margin spares the 3,000 operations of an execution."""

LONGEST_REST = 900.0
"""Seconds; for a longer wait the task is handed back: over a rest the invocation holds a slot of its lane."""


@dataclass(slots=True)
class Rest:
    """What a slice leaves to the next one. An invocation that has none keeps no task."""

    seconds: float | None = None
    """Seconds until the next slice, 0 for as soon as may be; ``None``: the slice keeps no task."""

    def until(self, seconds: float) -> None:
        """Keep a task that may go on in ``seconds``; of several, the soonest counts."""
        self.seconds = seconds if self.seconds is None else min(self.seconds, seconds)
