"""A visitor that finds out at its first visit how the browser has to be run here."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_crawler.browser.profile_selection import Selection
from trapline_crawler.browser.profiles import Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn, Session, Visitor


class ChoosingVisitor:
    """Keeps the ``Visitor`` port. ``make`` gets the profile and a browser of it, which is the visitor's to end.

    The choice is raised like any fault of the browser, and tried again by the next visit.
    """

    def __init__(self, selection: Selection, make: Callable[[Profile, Browser], Visitor]) -> None:
        self._selection = selection
        self._make = make
        self._choosing = asyncio.Lock()
        self._visitor: Visitor | None = None

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        return await (await self._chosen()).visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps."""
        return await (await self._chosen()).log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open the session of an ordered task."""
        return await (await self._chosen()).open_session(crawl, state)

    async def close(self) -> None:
        """End what was launched; a choice under way ends its own browser first."""
        async with self._choosing:
            if self._visitor is not None:
                await self._visitor.close()

    async def _chosen(self) -> Visitor:
        async with self._choosing:
            if self._visitor is None:
                self._visitor = self._make(*await self._selection.choose())
            return self._visitor
