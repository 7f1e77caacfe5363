"""The rooms of ``isolation: clean``: browser contexts with one page, wiped after a visit, used again for its host."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from trapline_common.config.models import CrawlConfig
from trapline_common.platform.logging import get_logger
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_pool import PagePool
from trapline_crawler.visit.resolved_secrets import Resolved
from trapline_crawler.visit.visit_in_context import Contexts

_log = get_logger("crawler")
MOST_HOSTS = 1000
"""Hosts that are remembered as visited; one that is forgotten costs a fresh context more."""


def may_share_rooms(resolved: Resolved) -> bool:
    """Tell whether a wipe is known to be enough between visits of a crawl without a session.

    Not where the crawl acts in its pages, sends what the browser may keep, or lets anybody stand for the site.
    """
    crawl = resolved.crawl
    return not (crawl.steps or crawl.before or crawl.headers or crawl.cookies or crawl.ignore_tls_errors)


@dataclass(kw_only=True, eq=False)
class Room:
    """A context with one page, for one visit at a time of one crawl's config and one host."""

    pool: PagePool
    """The context and its page."""
    crawl: CrawlConfig
    """The config that it was opened for."""
    host: str
    """The host whose pages are visited in it."""
    known: bool
    """Whether its host was visited before, so that it probably is again."""
    is_used: bool = False
    """Whether a visit was made in it before the one of now."""
    wiping: asyncio.Future[bool] | None = None
    """The wipe after its last visit: whether it can be used again. ``None`` while its first visit lasts."""


class Rooms:
    """The rooms of one visitor. A room is wiped behind its visit's back, and closed whenever that might not be enough.

    The first visit of a host gets a room that is closed after it: where each page is on a host of its own, a wipe would
    cost and never pay. ``wiped`` counts rooms that were made ready for another visit.
    """

    def __init__(self, contexts: Contexts, limits: VisitLimits) -> None:
        self._contexts = contexts
        self._limits = limits
        self._rooms: list[Room] = []  # that no visit is in, the one that waits longest first; some are being wiped
        self._hosts: dict[tuple[str, str], None] = {}
        self._tasks: set[asyncio.Future[bool]] = set()
        self._in_use = 0
        self._most_in_use = 0
        self.wiped = 0

    async def take(self, crawl: CrawlConfig, url: str) -> Room:
        """Return a wiped room of this crawl and host, or a fresh one; it is the caller's until ``give_back``."""
        room = await self._taken(crawl, url)
        self._in_use += 1
        self._most_in_use = max(self._most_in_use, self._in_use)
        return room

    async def _taken(self, crawl: CrawlConfig, url: str) -> Room:
        host = urlsplit(url).hostname or ""
        live = await self._contexts.live()
        # What belonged to another browser ended with it.
        self._rooms = [room for room in self._rooms if room.pool.live is live]
        while (room := self._best(crawl, host)) is not None:
            self._rooms.remove(room)
            assert room.wiping is not None
            done, _ = await asyncio.wait({room.wiping}, timeout=self._limits.wait_for_wipe)
            if not done:
                self._rooms.insert(0, room)
                break
            if room.wiping.result():
                if await room.pool.still_clean():
                    room.is_used = True
                    return room
                await self._contexts.close(room.pool)
        pool = await self._contexts.open(crawl, room=True)
        return Room(pool=pool, crawl=crawl, host=host, known=self._knows(crawl.name, host))

    async def give_back(self, room: Room) -> None:
        """Take a room back after its visit: wiped in the background, or closed as any context is."""
        self._in_use -= 1
        if not room.known or room.pool.unfit is not None:
            await self._contexts.close(room.pool)
            return
        room.wiping = asyncio.ensure_future(self._wipe(room))
        self._tasks.add(room.wiping)
        room.wiping.add_done_callback(self._tasks.discard)
        self._rooms.append(room)
        ready = [one for one in self._rooms if one.wiping is not None and one.wiping.done()]
        too_many = self._in_use + len(self._rooms) - self._most_in_use - self._limits.rooms
        leaving = ready[: max(0, too_many)]
        # All of them at once: while one closes, another visit may take the next, or give back a room and close it.
        self._rooms = [one for one in self._rooms if one not in leaving]
        for one in leaving:
            await self._contexts.close(one.pool)

    async def settled(self) -> None:
        """Wait until every wipe that is under way has ended."""
        await asyncio.gather(*self._tasks)

    async def closed(self) -> None:
        """Give every wipe up; the rooms end with their browser."""
        self._rooms.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _best(self, crawl: CrawlConfig, host: str) -> Room | None:
        """Return the room to use: one that is ready, else one that is being wiped."""
        fitting = [room for room in self._rooms if room.host == host and room.crawl == crawl]
        ready = (room for room in reversed(fitting) if room.wiping is not None and room.wiping.done())
        return next(ready, fitting[0] if fitting else None)

    def _knows(self, crawl: str, host: str) -> bool:
        """Return whether the crawl visited the host before; from now on it did."""
        known = (crawl, host) in self._hosts
        self._hosts.pop((crawl, host), None)
        self._hosts[crawl, host] = None
        if len(self._hosts) > MOST_HOSTS:
            del self._hosts[next(iter(self._hosts))]
        return known

    async def _wipe(self, room: Room) -> bool:
        why = await room.pool.wipe()
        if why is None:
            self.wiped += 1
            return True
        _log.debug("room_closed", host=room.host, reason=why)
        if room in self._rooms:
            self._rooms.remove(room)
        await self._contexts.close(room.pool)
        return False
