"""The end of this process by the kernel, which needs no event loop, no thread and no interpreter that still runs.

A coroutine that never yields stops the event loop, and a C function that keeps the interpreter's lock stops every
Python thread. The interval timer's SIGALRM, left to its default action, ends the process all the same. A process that
was stopped when the timer ran out ends with SIGCONT, before it executes another instruction of its own.
"""

import faulthandler
import signal
import sys
import time
from typing import Protocol

from trapline_common.platform.lambda_runtime import Clock


class Alarm(Protocol):
    """Ends the process unless it is set anew, or taken back, in time."""

    def renew(self, seconds: float) -> None:
        """End the process ``seconds`` from now, in place of what the last ``renew`` said."""
        ...

    def stop(self) -> None:
        """Take back what ``renew`` said."""
        ...


class ProcessAlarm:
    """The one user of the process's interval timer. Below the signal's trace on standard error nothing is left to do.

    ``renew`` sets a time that moves; ``end_within`` one that stays. The earlier of the two ends the process.
    """

    __slots__ = ("_clock", "_last", "_next")

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._next: float | None = None
        self._last: float | None = None

    def renew(self, seconds: float) -> None:
        """End the process ``seconds`` from now, in place of what the last ``renew`` said."""
        if self._next is None:
            _trace_at_alarm()
        self._next = self._clock() + seconds
        self._set()

    def stop(self) -> None:
        """Take back what ``renew`` said."""
        self._next = None
        self._set()

    def end_within(self, seconds: float) -> None:
        """End the process ``seconds`` from now, whatever is renewed meanwhile; the first call counts."""
        if self._last is None:
            self._last = self._clock() + seconds
            self._set()

    def _set(self) -> None:
        times = [moment for moment in (self._next, self._last) if moment is not None]
        seconds = max(0.001, min(times) - self._clock()) if times else 0.0  # 0 takes the timer back
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _trace_at_alarm() -> None:
    """Let the signal write where every thread was, in C, before its default action ends the process."""
    if sys.__stderr__ is not None and not sys.__stderr__.closed:
        faulthandler.register(signal.SIGALRM, file=sys.__stderr__, all_threads=True, chain=True)
