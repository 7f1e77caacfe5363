"""Five messages at once, then one a second: SNS suspends an email endpoint that gets more than 10 a second."""

from collections.abc import Awaitable, Callable

from trapline_common.domain.ports import Outbox

INTERVAL = 1.0
"""Seconds between two publishes to a channel once a burst is used up: what Slack asks for."""
BURST = 5
"""Publishes to a channel that need not wait, after a time without any. With one a second more they are six in the worst
second, of the ten that SNS allows an email endpoint; Slack allows short bursts, and answers 429 to what is too much."""


class Pacer:
    """Waits until the next publish is allowed. The turns are the ledger's: all notifiers at once keep one pace."""

    __slots__ = ("_burst", "_interval", "_sleep")

    def __init__(
        self, *, sleep: Callable[[float], Awaitable[None]], interval: float = INTERVAL, burst: int = BURST
    ) -> None:
        self._sleep = sleep
        self._interval = interval
        self._burst = burst

    async def wait(self, outbox: Outbox, channel: str) -> None:
        """Return when fewer than ``burst`` turns were taken in any notifier that ``interval`` seconds each do not pay.

        A turn is taken before the wait: others queue behind it. One whose notifier dies costs ``interval`` seconds.
        """
        if self._interval <= 0:
            return
        seconds = await outbox.turn(channel, self._interval, self._burst)
        if seconds > 0:
            await self._sleep(seconds)
