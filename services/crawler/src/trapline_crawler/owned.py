"""A visitor that owns its browser, so that closing the one ends the other."""

from collections.abc import Mapping
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_common.domain.ports import ArtifactStore, SecretSource
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn, Session
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.visitor import Visitor


class OwnedVisitor:
    """Keeps the ``Visitor`` port: one browser per invocation, launched at the first visit, ended by ``close``."""

    __slots__ = ("_browser", "_visitor")

    def __init__(
        self, browser: Browser, *, artifacts: ArtifactStore, secrets: SecretSource, limits: VisitLimits | None = None
    ) -> None:
        self._browser = browser
        self._visitor = Visitor(browser, artifacts=artifacts, secrets=secrets, limits=limits)

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        return await self._visitor.visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps."""
        return await self._visitor.log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open the session of an ordered task."""
        return await self._visitor.open_session(crawl, state)

    async def close(self) -> None:
        """End the browser; what is open in it goes with it."""
        await self._browser.close()
