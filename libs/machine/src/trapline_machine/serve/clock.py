"""The clock by which schedules fire."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

LOOK_EVERY = 1.0
"""Seconds between two looks at the clock. It may be set, and a machine may sleep: no wait is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What time it is, and how often to look. A test has one that runs faster."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Returns the time, with its zone."""
    look_every: float = LOOK_EVERY
    """Seconds."""
