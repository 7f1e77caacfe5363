"""The lane's delay between two visits of one host, within one invocation."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit


class HostPacing:
    """``wait`` returns when the host may be visited again; visits of one host take turns in the order they asked."""

    __slots__ = ("_clock", "_delay", "_next")

    def __init__(self, delay: float, *, clock: Callable[[], float]) -> None:
        self._delay = delay
        self._clock = clock
        self._next: dict[str, float] = {}

    async def wait(self, url: str) -> None:
        """Wait for the host of ``url``; at once when the lane has no ``host_delay``."""
        if not self._delay:
            return
        host = urlsplit(url).netloc
        now = self._clock()
        turn = max(now, self._next.get(host, now))
        self._next[host] = turn + self._delay
        await asyncio.sleep(turn - now)
