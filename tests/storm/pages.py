"""Simulated pages: what a visit finds follows from the page's URL and generation; how long it takes is chance."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from random import Random
from typing import Any, ClassVar

from tests.storm.presence import Presence
from trapline_common.config.models import CrawlConfig
from trapline_common.content.text import content_hash
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.ports import ArtifactStore
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender
from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.ports import LoggedIn
from trapline_crawler.visit.kept_artifacts import keep

GENERATION = "X-Generation"
"""The header of a crawl's frozen config that says which state of the site its run sees."""
SLOWEST = 0.6
MISSING, CHANGED = 0.03, 0.06
"""Shares of the pages that are missing in a generation, and that change with the second."""
DEADLY = "deadly"
"""In the name of a host: asking it for its robots.txt kills the crawler."""


class SimulatedFaultError(BrowserFaultError):
    """A browser that failed its page, now and then."""

    reason: ClassVar[Reason] = Reason.BROWSER


def lot(url: str, generation: str) -> float:
    """Return the page's lot in that generation, between 0 and 1."""
    return int.from_bytes(sha256(f"{generation} {url}".encode()).digest()[:4]) / 2**32


def text_of(url: str, generation: str) -> str:
    """Return the page's text: six in a hundred change with the second generation."""
    changed = generation != "1" and lot(url, "changes") < CHANGED
    return f"{url} in its {'second' if changed else 'first'} form"


def eventful(url: str) -> float:
    """Return how much the page has to tell, the most first: at 1 and below it fails or changes in some generation."""
    return min(lot(url, "1") / MISSING, lot(url, "2") / MISSING, lot(url, "changes") / CHANGED)


class SimulatedVisitor:
    """The ``Visitor`` port. ``poison`` is awaited for a page that kills its process. ``mean`` is in seconds."""

    def __init__(
        self,
        random: Random,
        *,
        artifacts: ArtifactStore,
        poison: Callable[[str], Awaitable[None]],
        mean: float,
        presence: Presence,
    ) -> None:
        self._random = random
        self._artifacts = artifacts
        self._poison = poison
        self._mean = mean
        self._presence = presence
        presence.begin()

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        self._presence.visit_begins()
        try:
            return await self._load(url, crawl)
        finally:
            self._presence.visit_ends()

    async def _load(self, url: str, crawl: CrawlConfig) -> Observation:
        await asyncio.sleep(min(SLOWEST, self._random.expovariate(1 / self._mean)))
        generation = crawl.headers.get(GENERATION, "1")
        if "/poison" in url:
            await self._poison(url)
        chance = self._random.random()
        if chance < 0.004:
            raise SimulatedFaultError("the browser failed it")
        if chance < 0.014:
            return Observation(url=url, failure=Failure(reason=Reason.TIMEOUT, detail="not loaded", retry=True))
        if lot(url, generation) < MISSING:
            shot = await keep(self._artifacts, url.encode(), suffix=".png", crawl=crawl.name)
            failure = Failure(reason=Reason.HTTP_STATUS, detail="404", retry=False)
            return Observation(url=url, status=404, screenshot=shot, failure=failure)
        text = text_of(url, generation)
        return Observation(url=url, final_url=url, status=200, text=text, content_hash=content_hash(text, {}))

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        return LoggedIn(state={"seen": 0})

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> "SimulatedSession":
        return SimulatedSession(self, crawl, state)

    async def close(self) -> None:
        await asyncio.sleep(0)
        self._presence.end()


class SimulatedSession:
    """The ``Session`` port: its state counts the pages it has seen."""

    def __init__(self, visitor: SimulatedVisitor, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> None:
        self._visitor = visitor
        self._crawl = crawl
        self._seen = int(state["seen"]) if state else 0

    async def visit(self, url: str) -> Observation:
        self._seen += 1
        return await self._visitor.visit(url, self._crawl)

    async def state(self) -> dict[str, Any]:
        return {"seen": self._seen}

    async def close(self) -> None:
        await asyncio.sleep(0)


class SimulatedRobots:
    """A ``Fetch``: the simulated sites have no robots.txt. ``kill`` is awaited where asking for one kills the process.

    So the page of such a site is leased and never started.
    """

    def __init__(self, kill: Callable[[], Awaitable[None]]) -> None:
        self._kill = kill

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        """Raise ``NoFileError``."""
        if DEADLY in url:
            await self._kill()
        raise NoFileError(url, 404)
