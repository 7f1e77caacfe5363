"""How long ago the ledger knew that this invocation lives: after too long a silence it ends by itself.

The reaper gives an invocation's slot and its tasks away 45 s after its last heartbeat. A crawler that could not reach
the ledger meanwhile, because the network is half-open, because something keeps its event loop busy, or because it was
stopped, must not be alive then: it ends after 30 s, by a clock of its own.
"""

import asyncio

from trapline_common.domain.errors import TraplineError
from trapline_common.platform.lambda_runtime import Clock
from trapline_common.platform.process_alarm import Alarm

LONGEST_GRACE = 1.5
"""Seconds for an end in order, once the silence was noticed; then the kernel ends the process."""

LOOK_EVERY = 0.25
"""Seconds between two looks at the clock: asyncio's timers do not count the time of a machine that was suspended."""


class LedgerSilentError(TraplineError):
    """The ledger may believe this invocation dead: it opens nothing any more, and ends."""


class LedgerContact:
    """Keeps the time of the last heartbeat that the ledger has. ``longest`` is the silence in seconds that ends it."""

    __slots__ = ("_alarm", "_clock", "_grace", "_last", "_longest")

    def __init__(self, *, longest: float, clock: Clock, alarm: Alarm) -> None:
        self._longest = longest
        self._grace = min(LONGEST_GRACE, longest / 4)
        self._clock = clock
        self._alarm = alarm
        self._last = clock()

    def now(self) -> float:
        """Return the time on the invocation's clock, to be handed to ``reached``."""
        return self._clock()

    def reached(self, sent_at: float) -> None:
        """Note that the ledger has a sign of life that was sent at ``sent_at``.

        The moment of sending, not of the answer: the ledger's own time of it is never earlier.
        """
        self._last = max(self._last, sent_at)
        self._alarm.renew(max(0.0, self.left) + self._grace)

    @property
    def left(self) -> float:
        """Seconds until the silence is too long; negative when it is."""
        return self._last + self._longest - self._clock()

    def check(self) -> None:
        """Raise ``LedgerSilentError`` when the silence is too long. Asked before anything is opened."""
        if self.left <= 0:
            raise LedgerSilentError(f"no heartbeat has reached the ledger for {self._longest:g} s")

    async def until_silent(self) -> None:
        """Wait until the silence is too long, and raise ``LedgerSilentError``. From then on ``grace`` counts."""
        while True:
            left = self.left
            if left <= 0:
                self._alarm.renew(self._grace)
                self.check()
            await asyncio.sleep(min(left, LOOK_EVERY))

    @property
    def grace(self) -> float:
        """Seconds that an end in order may take."""
        return self._grace

    def over(self) -> None:
        """The invocation has ended: nothing ends the process any more."""
        self._alarm.stop()
