"""A clock that goes on while the machine is suspended, or its environment frozen."""

import time

_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux' clock that counts a suspended machine's time too; macOS' CLOCK_MONOTONIC does that by itself."""


def suspend_aware_clock() -> float:
    """Return seconds on a clock that never goes back; ``time.monotonic`` stands still on a suspended Linux."""
    return time.clock_gettime(_CLOCK)
