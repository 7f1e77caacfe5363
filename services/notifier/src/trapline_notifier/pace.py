"""At most one message a second: an email endpoint that gets more than 10 a second is suspended by SNS."""

from collections.abc import Awaitable, Callable

INTERVAL = 1.0
"""Seconds between the starts of two publishes."""


class Pacer:
    """Waits until the next publish is allowed. One object serves a process, so that warm invocations keep the pace too."""

    __slots__ = ("_clock", "_interval", "_next", "_sleep")

    def __init__(
        self, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], interval: float = INTERVAL
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval = interval
        self._next = float("-inf")

    async def wait(self) -> None:
        """Return when ``interval`` seconds have passed since the last turn began."""
        now = self._clock()
        start = max(now, self._next)
        self._next = start + self._interval  # claimed before the wait: a second caller queues behind
        if start > now:
            await self._sleep(start - now)
