"""The lane's delay between two visits of one host, within one invocation."""

from collections.abc import Callable
from urllib.parse import urlsplit


class HostPacing:
    """Hands out turns: visits of one host follow each other ``delay`` seconds apart, in the order they asked."""

    __slots__ = ("_clock", "_delay", "_next")

    def __init__(self, delay: float, *, clock: Callable[[], float]) -> None:
        self._delay = delay
        self._clock = clock
        self._next: dict[str, float] = {}

    def turn(self, url: str) -> float:
        """Take the next turn of the host of ``url``; return the seconds until it, 0 when the lane has no ``host_delay``."""
        if not self._delay:
            return 0.0
        host = urlsplit(url).netloc
        now = self._clock()
        turn = max(now, self._next.get(host, now))
        self._next[host] = turn + self._delay
        return turn - now
