"""What a peer used for the pages after its first ones: wall time, and processor time of its whole process tree."""

import time
from contextlib import suppress

import psutil


class Steady:
    """``ended`` is called at the end of each page. Start and end of driver and browser are no part of what it says."""

    def __init__(self, first: int, pages: int) -> None:
        """``first``: pages that don't count; ``pages``: all of them."""
        self._first, self._pages = first, pages
        self._ended = 0
        self._since = self._until = (0.0, 0.0)

    def ended(self) -> None:
        """Note the end of a page."""
        self._ended += 1
        if self._ended == self._first:
            self._since = (time.monotonic(), _used())
        if self._ended == self._pages:
            self._until = (time.monotonic(), _used())

    def found(self) -> dict[str, float]:
        """Return the number of pages that count, and the seconds of wall time and of the processor that they took."""
        seconds, cpu = (until - since for since, until in zip(self._since, self._until, strict=True))
        return {"pages": self._ended - self._first, "seconds": seconds, "cpu": cpu}


def _used() -> float:
    """Return the processor's seconds of this process and its descendants, and of those that they waited for."""
    total = 0.0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total
