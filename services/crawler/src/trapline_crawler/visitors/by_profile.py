"""A visitor that selects at its first visit the profile with which the browser runs here."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_crawler.browser.profile_selection import ProfileSelection
from trapline_crawler.browser.profiles import Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn, Session, Visitor


class ByProfileVisitor:
    """Implements the ``Visitor`` port. ``make`` gets the profile and a browser of it, which its visitor ends.

    A selection that fails is raised like any fault of the browser; the next visit tries again.
    """

    def __init__(self, selection: ProfileSelection, make: Callable[[Profile, Browser], Visitor]) -> None:
        self._selection = selection
        self._make = make
        self._selecting = asyncio.Lock()
        self._visitor: Visitor | None = None

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        return await (await self._selected()).visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps."""
        return await (await self._selected()).log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open the session of an ordered task."""
        return await (await self._selected()).open_session(crawl, state)

    async def close(self) -> None:
        """End what was launched; a selection under way ends its own browser first."""
        async with self._selecting:
            if self._visitor is not None:
                await self._visitor.close()

    async def _selected(self) -> Visitor:
        async with self._selecting:
            if self._visitor is None:
                self._visitor = self._make(*await self._selection.choose())
            return self._visitor
