"""How many pages an invocation has in flight: the lane's number, or fewer while what it works on can't carry them.

Pages that share too few cores all become slow together, and then fail together at their time-out; pages that share too
little memory lose their renderers. One after the other they are good. So an invocation begins with a few pages, and has
one more after each quick visit, and each second in which the processor has time left; the number is halved when visits
come near their time-out on a processor that has none, or when memory ends. It never passes the lane's. Where visits are
quick a full processor is what one wants, and holds nothing back.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trapline_common.domain.capacity import PAGES_IN_FLIGHT
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.machine_load import Load

EVERY = 1.0
"""Seconds between two looks."""
FULL, ROOM = 0.95, 0.85
"""Shares of the processor's time from which on it has none left, and below which it has."""
TIGHT, AMPLE = 0.92, 0.85
"""Shares of the memory from which on pages may lose their renderers, and below which another page finds room. The
processes' own bounds are lower in sum (``ProcessLimits.together``), so that one greedy page does not come here."""
SLOW, QUICK = 1 / 2, 1 / 6
"""Shares of its time-out after which a visit is slow, and within which one is quick."""
START = PAGES_IN_FLIGHT
"""Pages that an invocation begins with, if the lane and the memory allow them: what a function has if its lane says
nothing, so that most know no beginning. Eight heavy pages at once would all be lost before the first told anything."""
FIXED, EACH = 384 * MIB, 128 * MIB
"""Bytes that an invocation needs without a page, and for each: with three pages in flight all its processes take some
500 MiB (``tests/image``), the runtime's own 100 MiB among them."""

_log = get_logger("crawler")


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One visit in flight, or ended since the last look."""

    since: float
    """When it began, on the limit's clock."""
    timeout: float
    """Seconds that it may take."""
    ended: float | None = None
    """When it ended; ``None``: it is in flight."""

    def share(self, now: float) -> float:
        """Return how much of its time-out it took so far."""
        return ((now if self.ended is None else self.ended) - self.since) / self.timeout


class FlightLimit:
    """``of`` bounds the lane's number, ``visit`` notes a visit, ``look`` looks and decides anew."""

    def __init__(self, load: Callable[[], Load], *, memory: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``load``: tells how busy everything was since it was last asked. ``memory``: bytes that there are in all."""
        self._load = load
        self._clock = clock
        self._limit = min(START, max(1, (memory - FIXED) // EACH))
        self._ample = True
        self._visits: list[_Visit] = []
        self._looked = self._halved = clock()

    def of(self, most: int) -> int:
        """Return how many pages may be in flight where the lane allows ``most``."""
        return min(most, self._limit)

    @contextmanager
    def visit(self, timeout: float) -> Iterator[None]:
        """Note a visit that may take ``timeout`` seconds, from its begin to its end."""
        visit = _Visit(since=self._clock(), timeout=timeout)
        self._visits.append(visit)
        try:
            yield
        finally:
            visit.ended = self._clock()
            if self._ample and visit.share(visit.ended) < QUICK:
                self._limit += 1

    def look(self, most: int) -> None:
        """Look, if the last look is ``EVERY`` seconds ago, and decide how many of ``most`` pages may be in flight."""
        now = self._clock()
        if now - self._looked < EVERY:
            return
        self._looked = now
        load, slowest = self._load(), max((visit.share(now) for visit in self._visits), default=0.0)
        # What began before the last halving says nothing about it yet
        slow = any(visit.share(now) >= SLOW for visit in self._visits if visit.since >= self._halved)
        self._visits = in_flight = [visit for visit in self._visits if visit.ended is None]
        self._ample, before = load.memory < AMPLE, self.of(most)
        if (load.memory >= TIGHT and len(in_flight) <= before) or (load.processor >= FULL and slow):
            self._limit, self._halved = max(1, min(before, len(in_flight)) // 2), now
        elif load.processor < ROOM and self._ample:
            self._limit = before + 1
        if self.of(most) != before:
            shares = {"processor": round(load.processor, 2), "memory": round(load.memory, 2)}
            _log.info("pages_in_flight", pages=self.of(most), lane=most, slowest_visit=round(slowest, 2), **shares)
