"""FALLBACK, for the profile ``single`` only: a visitor whose every context has a browser of its own.

A browser of one process holds one context in its life. There is no evidence from real Lambda that any function needs
this profile, and ``multi`` is tried first. Only ``wiring`` knows this file; it goes when the profile goes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trapline_common.config.models import CrawlConfig, Isolation
from trapline_common.domain.observation import Observation
from trapline_crawler.ports import LoggedIn, Session, Visitor


@dataclass(slots=True, kw_only=True, eq=False)
class _Browser:
    """One browser with its one context."""

    visitor: Visitor
    """Visits in this browser only; its end is the browser's."""
    crawl: CrawlConfig | None
    """The crawl whose visits share it; ``None``: it belongs to one visit, log-in or session."""
    state: Mapping[str, Any] | None
    """The session that those visits are made in."""
    visits: int = 0
    """Visits in it now."""


class BrowserPerContextVisitor:
    """Implements the ``Visitor`` port. ``new`` makes a visitor with a browser that is not launched yet.

    Slower than one browser for all, by a launch (0.5 s) for each visit of ``isolation: page``. As many browsers live at
    once as visits are in flight, and one besides that waits for the next visit of its crawl.
    """

    def __init__(self, new: Callable[[], Visitor]) -> None:
        self._new = new
        self._browsers: list[_Browser] = []

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        async with self._browser(crawl if crawl.isolation is Isolation.CRAWL else None, state) as visitor:
            return await visitor.visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps, in a browser that ends with them."""
        async with self._browser() as visitor:
            return await visitor.log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open the session of an ordered task; its browser ends with it."""
        browser = self._added(None, None)
        try:
            return _OwningSession(await browser.visitor.open_session(crawl, state), lambda: self._end(browser))
        except BaseException:
            await self._end(browser)
            raise

    async def close(self) -> None:
        """End every browser."""
        await asyncio.gather(*(self._end(browser) for browser in tuple(self._browsers)))

    @asynccontextmanager
    async def _browser(
        self, crawl: CrawlConfig | None = None, state: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Visitor]:
        """Give one visit a browser: of its own, or the one of ``crawl``. Idle ones of other crawls end, for memory."""
        same = (one for one in self._browsers if crawl is not None and one.crawl == crawl and one.state is state)
        browser = next(same, None) or self._added(crawl, state)
        browser.visits += 1
        try:
            if crawl is not None:
                await self._end_idle()
            yield browser.visitor
        finally:
            browser.visits -= 1
            if crawl is None:
                await self._end(browser)

    async def _end_idle(self) -> None:
        idle = [one for one in self._browsers if one.crawl is not None and not one.visits]
        for one in idle:
            one.crawl = None  # no visit may begin in it any more
        for one in idle:
            await self._end(one)

    def _added(self, crawl: CrawlConfig | None, state: Mapping[str, Any] | None) -> _Browser:
        self._browsers.append(_Browser(visitor=self._new(), crawl=crawl, state=state))
        return self._browsers[-1]

    async def _end(self, browser: _Browser) -> None:
        await browser.visitor.close()
        if browser in self._browsers:
            self._browsers.remove(browser)


class _OwningSession:
    """A session whose end is the end of its browser."""

    __slots__ = ("_end", "_session")

    def __init__(self, session: Session, end: Callable[[], Awaitable[None]]) -> None:
        self._session = session
        self._end = end

    async def visit(self, url: str) -> Observation:
        return await self._session.visit(url)

    async def state(self) -> dict[str, Any]:
        return await self._session.state()

    async def close(self) -> None:
        await self._end()
