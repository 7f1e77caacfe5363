"""At most one message a second: an email endpoint that gets more than 10 a second is suspended by SNS."""

from collections.abc import Awaitable, Callable

from trapline_common.domain.ports import Outbox

INTERVAL = 1.0
"""Seconds between the starts of two publishes to one channel."""


class Pacer:
    """Waits until the next publish is allowed. The turns are the ledger's: all notifiers at once keep one pace."""

    __slots__ = ("_interval", "_sleep")

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]], interval: float = INTERVAL) -> None:
        self._sleep = sleep
        self._interval = interval

    async def wait(self, outbox: Outbox, channel: str) -> None:
        """Return when ``interval`` seconds have passed since the channel's last turn began, in any notifier.

        A turn is taken before the wait: others queue behind it. One whose notifier dies costs ``interval`` seconds.
        """
        if self._interval <= 0:
            return
        seconds = await outbox.turn(channel, self._interval)
        if seconds > 0:
            await self._sleep(seconds)
