"""A visitor that opens nothing once the ledger may believe its invocation dead."""

from collections.abc import Mapping
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_crawler.ports import LoggedIn, Session, Visitor
from trapline_crawler.work.ledger_contact import LedgerContact


class GuardedVisitor:
    """A ``Visitor`` around another: each call looks at the clock first, in the same step of the event loop.

    Raises ``LedgerSilentError`` beside what the other raises.
    """

    def __init__(self, visitor: Visitor, contact: LedgerContact) -> None:
        self._visitor = visitor
        self._contact = contact

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page."""
        self._contact.check()
        return await self._visitor.visit(url, crawl, state)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps."""
        self._contact.check()
        return await self._visitor.log_in(url, crawl)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> "GuardedSession":
        """Open a context for an ordered task."""
        self._contact.check()
        return GuardedSession(await self._visitor.open_session(crawl, state), self._contact)

    async def close(self) -> None:
        """End the browser, whatever the clock says."""
        await self._visitor.close()


class GuardedSession:
    """A ``Session`` around another, guarded alike."""

    def __init__(self, session: Session, contact: LedgerContact) -> None:
        self._session = session
        self._contact = contact

    async def visit(self, url: str) -> Observation:
        """Visit one page in this session."""
        self._contact.check()
        return await self._session.visit(url)

    async def state(self) -> dict[str, Any]:
        """Return cookies and storage: this opens nothing."""
        return await self._session.state()

    async def close(self) -> None:
        """End the context, whatever the clock says."""
        await self._session.close()
