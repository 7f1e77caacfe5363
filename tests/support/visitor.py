"""The crawler's ``Visitor`` port in memory: each visit does what the test has scripted for its URL."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from support.races import PATIENCE
from trapline_common.config.models import CrawlConfig
from trapline_common.content.text import content_hash
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_crawler.ports import LoggedIn


def good(url: str, text: str = "hello") -> Observation:
    """Return a good visit."""
    return Observation(url=url, final_url=url, status=200, text=text, content_hash=content_hash(text, {}))


def bad(url: str, reason: Reason = Reason.TIMEOUT, *, retry: bool = False) -> Observation:
    """Return a failed visit."""
    return Observation(url=url, failure=Failure(reason=reason, detail="it failed", retry=retry))


@dataclass(slots=True, kw_only=True)
class Hold:
    """A visit that waits for ``release``, and then does ``then``."""

    then: "Observation | Exception | None" = None
    """What it does once released; ``None``: a good visit."""
    stubborn: bool = False
    """Whether it goes on loading when it is cancelled, as a browser that does not answer would."""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the visit has begun."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """The test sets it; never set, the page hangs."""
    cancelled: bool = False
    """Whether the visit was cancelled; the visitor sets it."""

    async def started(self) -> None:
        """Wait until the visit has begun."""
        async with asyncio.timeout(PATIENCE):
            await self.began.wait()

    async def wait(self) -> None:
        self.began.set()
        while not self.release.is_set():
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                if not self.stubborn:
                    raise


Step = Observation | Exception | Hold
"""What one visit of a URL does; when no step is left for it, it is good."""


LOG_IN = "log in"
"""What a log-in is scripted under, and listed as in ``visited``."""


class MemoryVisitor:
    """``visited`` lists the URLs in the order their visits began; ``on_visit`` is called with each before it goes on.

    ``beside``: for each visit, how many others were in flight when it began.
    """

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.sessions: list[MemorySession] = []
        self.log_ins = 0
        self.closed = 0
        self.in_flight: list[str] = []
        self.beside: list[tuple[str, int]] = []
        self.most_in_flight = 0
        self.on_visit: Callable[[str], None] = lambda _: None
        self.close_error: Exception | None = None
        self._steps: defaultdict[str, deque[Step]] = defaultdict(deque)

    def script(self, url: str, *steps: Step) -> None:
        """Say what the next visits of ``url`` do."""
        self._steps[url].extend(steps)

    def hold(self, url: str, *, then: Observation | Exception | None = None, stubborn: bool = False) -> Hold:
        """Let the next visit of ``url`` wait until the test releases it."""
        hold = Hold(then=then, stubborn=stubborn)
        self.script(url, hold)
        return hold

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        self.visited.append(url)
        self.beside.append((url, len(self.in_flight)))
        self.in_flight.append(url)
        self.most_in_flight = max(self.most_in_flight, len(self.in_flight))
        try:
            await asyncio.sleep(0)
            self.on_visit(url)
            step = self._steps[url].popleft() if self._steps[url] else None
            if isinstance(step, Hold):
                await step.wait()
                step = step.then
            if isinstance(step, Exception):
                raise step
            return step or good(url)
        finally:
            self.in_flight.remove(url)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do what is scripted for ``LOG_IN``: a failed visit, an error, a hold; else begin the next session."""
        self.log_ins += 1
        found = await self.visit(LOG_IN, crawl)
        if found.failure is not None:
            return replace(found, url=url)
        return LoggedIn(state={"cookies": [{"name": "login", "value": f"sesame-{self.log_ins}"}]})

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> "MemorySession":
        session = MemorySession(self, crawl, state)
        self.sessions.append(session)
        return session

    async def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error


class MemorySession:
    """One session: its state is the cookie it was given, and the pages it has seen since the task began."""

    def __init__(self, visitor: MemoryVisitor, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> None:
        self.restored = state
        self.seen: list[str] = list(state.get("seen", ())) if state else []
        self.closed = False
        self.state_error: Exception | None = None
        self._visitor = visitor
        self._crawl = crawl

    async def visit(self, url: str) -> Observation:
        observation = await self._visitor.visit(url, self._crawl)
        self.seen.append(url)
        return observation

    async def state(self) -> dict[str, Any]:
        if self.state_error is not None:
            raise self.state_error
        return {"cookies": [{"name": "login", "value": "open-sesame"}], "seen": self.seen}

    async def close(self) -> None:
        self.closed = True
