"""What the work loop needs from the browser, as protocols; ``visit`` and ``visitors`` implement them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """The crawl's steps were done, and a session began."""

    state: dict[str, Any] = field(repr=False)
    """Cookies and storage of the session, JSON-ready; never logged."""


class Session(Protocol):
    """One browser context that lives as long as an ordered task is worked on."""

    async def visit(self, url: str) -> Observation:
        """Visit one page in this session. Raises ``BrowserFaultError``; the session is gone then."""
        ...

    async def state(self) -> dict[str, Any]:
        """Return cookies and storage, JSON-ready. Raises ``BrowserFaultError``."""
        ...

    async def close(self) -> None:
        """End the context; harmless after a fault."""
        ...


class Visitor(Protocol):
    """Visits pages for one invocation. It launches its browser at the first visit and replaces one that died."""

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit one page in the isolation that the crawl asks for. Safe with many at once.

        ``state`` is the session to visit it in; the same object for the same session. A page's fault is in the
        observation's ``failure``. Raises ``BrowserFaultError`` for the infrastructure's.
        """
        ...

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps; return the session they began, or the failed visit of ``url``.

        Raises ``BrowserFaultError``.
        """
        ...

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Session:
        """Open a context for an ordered task, with the cookies and storage of its checkpoint.

        Raises ``BrowserFaultError``.
        """
        ...

    async def close(self) -> None:
        """End the browser with its whole process group."""
        ...
