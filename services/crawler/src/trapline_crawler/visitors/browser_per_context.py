"""A visitor for browsers that hold one context in their life: every room has a browser of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trapline_common.config.models import CrawlConfig, Isolation
from trapline_common.domain.observation import Observation
from trapline_crawler.ports import LoggedIn, Session, Visitor


@dataclass(slots=True, kw_only=True, eq=False)
class _Shared:
    """The browser whose one context the visits of a crawl share."""

    crawl: CrawlConfig
    state: Mapping[str, Any] | None
    visitor: Visitor
    in_use: int = 0


class OneRoomVisitor:
    """Keeps the ``Visitor`` port. ``new`` makes a visitor with a browser that is not launched yet.

    Slower than one browser for all, by a launch (0.5 s) for each visit of ``isolation: page``. As many browsers live at
    once as visits are in flight, and one besides that waits for the next visit of its crawl.
    """

    def __init__(self, new: Callable[[], Visitor]) -> None:
        self._new = new
        self._shared: list[_Shared] = []
        self._open: set[Visitor] = set()

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        if crawl.isolation is Isolation.CRAWL:
            async with self._sharing(crawl, state) as visitor:
                return await visitor.visit(url, crawl, state)
        async with self._alone() as visitor:
            return await visitor.visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps, in a browser that ends with them."""
        async with self._alone() as visitor:
            return await visitor.log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open the session of an ordered task; its browser ends with it."""
        visitor = self._opened()
        try:
            return _OwnSession(await visitor.open_session(crawl, state), lambda: self._end(visitor))
        except BaseException:
            await self._end(visitor)
            raise

    async def close(self) -> None:
        """End every browser."""
        await asyncio.gather(*(self._end(visitor) for visitor in tuple(self._open)))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Visitor]:
        visitor = self._opened()
        try:
            yield visitor
        finally:
            await self._end(visitor)

    @asynccontextmanager
    async def _sharing(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> AsyncIterator[Visitor]:
        shared = next((one for one in self._shared if one.crawl == crawl and one.state is state), None)
        if shared is None:
            shared = _Shared(crawl=crawl, state=state, visitor=self._opened())
            self._shared.append(shared)
        shared.in_use += 1
        try:
            await self._end_idle()
            yield shared.visitor
        finally:
            shared.in_use -= 1

    async def _end_idle(self) -> None:
        """End what no visit uses now: an invocation may meet the pages of many crawls, and memory is bounded."""
        idle = [one for one in self._shared if not one.in_use]
        self._shared = [one for one in self._shared if one.in_use]
        for one in idle:
            await self._end(one.visitor)

    def _opened(self) -> Visitor:
        visitor = self._new()
        self._open.add(visitor)
        return visitor

    async def _end(self, visitor: Visitor) -> None:
        await visitor.close()
        self._open.discard(visitor)


class _OwnSession:
    """A session whose end is the end of its browser."""

    __slots__ = ("_end", "_session")

    def __init__(self, session: Session, end: Callable[[], Any]) -> None:
        self._session = session
        self._end = end

    async def visit(self, url: str) -> Observation:
        return await self._session.visit(url)

    async def state(self) -> dict[str, Any]:
        return await self._session.state()

    async def close(self) -> None:
        await self._end()
