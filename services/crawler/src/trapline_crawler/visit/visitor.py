"""The visitor: a URL and a crawl in, an observation out."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig, Isolation
from trapline_common.observation import Failure, Observation, Reason
from trapline_common.ports import ArtifactStore, SecretSource
from trapline_crawler.browser.bounded import bounded
from trapline_crawler.browser.errors import BrowserHungError, PageCrashedError
from trapline_crawler.browser.life import Browser
from trapline_crawler.visit.evidence import gather
from trapline_crawler.visit.gate import Gate
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Load
from trapline_crawler.visit.report import observe
from trapline_crawler.visit.secret_values import Resolved, SecretMissingError, resolve
from trapline_crawler.visit.tab import Room, Tab

_SCHEMES = frozenset({"http", "https"})


class Visitor:
    """Visits pages, any number at once (the caller's ``pages_in_flight`` bounds it), in one browser.

    What a page does wrong is an observation with a ``failure``. What the browser does wrong is raised as a
    ``BrowserFaultError``, whose class says whether the other visits in flight are lost too; ``TransientError`` comes from
    the artifact store alone.
    """

    def __init__(
        self,
        browser: Browser,
        *,
        artifacts: ArtifactStore,
        secrets: SecretSource,
        limits: VisitLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._browser = browser
        self._artifacts = artifacts
        self._secrets = secrets
        self._limits = limits or VisitLimits()
        self._clock = clock
        self._shared: dict[str, tuple[CrawlConfig, Room]] = {}
        self._opening = asyncio.Lock()

    async def visit(self, url: str, crawl: CrawlConfig) -> Observation:
        """Visit ``url`` as ``crawl`` says; takes at most its ``timeout`` and some 20 s of bounds that are never usual."""
        resolved = await self._resolved(url, crawl)
        if isinstance(resolved, Observation):
            return resolved
        shared = crawl.isolation is Isolation.CRAWL
        room = await (self._shared_room(resolved.crawl) if shared else self._new_room(resolved.crawl))
        try:
            return await self._visit_in(room, url, resolved)
        finally:
            if not shared:
                await self._close(room)

    async def open_session(self, crawl: CrawlConfig, state: dict[str, Any] | None = None) -> "Session":
        """Open the session of an ordered task; ``state`` is what ``Session.state`` returned at its last checkpoint.

        Raises ``SecretMissingError``, and ``BrowserFaultError`` as ``visit`` does.
        """
        resolved = await resolve(crawl, self._secrets)
        return Session(self, await self._new_room(resolved.crawl, state), crawl)

    async def close(self) -> None:
        """Close what visits share. The browser is its owner's to close."""
        rooms = [room for _, room in self._shared.values()]
        self._shared.clear()
        await asyncio.gather(*(self._close(room) for room in rooms))

    async def _resolved(self, url: str, crawl: CrawlConfig) -> Resolved | Observation:
        if urlsplit(url).scheme not in _SCHEMES:
            failure = Failure(reason=Reason.BLOCKED, detail="only http and https are visited", retry=False)
            return Observation(url=url, failure=failure)
        try:
            return await resolve(crawl, self._secrets)
        except SecretMissingError as error:
            failure = Failure(reason=Reason.SECRET, detail=str(error), retry=False)
            return Observation(url=url, failure=failure)

    async def _new_room(self, crawl: CrawlConfig, state: dict[str, Any] | None = None) -> Room:
        live = await self._browser.ready()
        try:
            return await Room.open(live, crawl, self._limits, state)
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(live, error) from error

    async def _shared_room(self, crawl: CrawlConfig) -> Room:
        """Return the crawl's room: one per crawl, as long as its config and the browser stay the same."""
        async with self._opening:
            live = await self._browser.ready()
            kept = self._shared.get(crawl.name)
            if kept is not None and kept[1].live is live and kept[0] == crawl:
                return kept[1]
            room = await self._new_room(crawl)
            self._shared[crawl.name] = (crawl, room)
        if kept is not None and kept[1].live is live and not kept[1].in_use:
            await self._close(kept[1])
        return room

    async def _close(self, room: Room) -> None:
        """Close a room. That it won't close is the browser's fault, and no reason to lose what the visit found."""
        try:
            await room.close()
        except (PlaywrightError, BrowserHungError) as error:
            await self._browser.fault(room.live, error)

    async def _visit_in(self, room: Room, url: str, resolved: Resolved) -> Observation:
        start = self._clock()
        try:
            tab = await room.tab()
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(room.live, error) from error
        sound = False
        try:
            # Each step has its own bound; this one is for an await that was forgotten.
            at_most = resolved.crawl.timeout + self._limits.beyond_timeout
            observation, sound = await bounded(self._visit_tab(tab, url, resolved, start), at_most, f"visit of {url}")
            return observation
        except (PlaywrightError, BrowserHungError) as error:
            if tab.crashed and isinstance(error, PlaywrightError):
                raise PageCrashedError(f"the page's renderer died while it showed {url}") from error
            raise await self._browser.fault(room.live, error) from error
        finally:
            await self._give_back(room, tab, reusable=sound)

    async def _visit_tab(self, tab: Tab, url: str, resolved: Resolved, start: float) -> tuple[Observation, bool]:
        """Visit and tell whether the tab can be used again."""
        gate = await bounded(Gate.open(tab.page, url, resolved.crawl), self._limits.open, "set-up of a page")
        loaded = await Load(tab.page, url, resolved.crawl, self._limits, self._clock).run()
        took = (self._clock() - start) * 1000
        observation = observe(url, loaded, resolved, self._limits, milliseconds=took)
        if loaded.found is not None:
            failed = observation.failure is not None
            kept = await gather(
                tab.page, loaded.found, resolved, failed=failed, store=self._artifacts, limits=self._limits
            )
            observation = replace(observation, screenshot=kept.screenshot, html=kept.html)
        if gate is not None and loaded.sound:
            await bounded(gate.close(), self._limits.close, "set-up of a page undone")
        return observation, loaded.sound

    async def _give_back(self, room: Room, tab: Tab, *, reusable: bool) -> None:
        try:
            await room.give_back(tab, reusable=reusable)
        except BrowserHungError as error:
            await self._browser.fault(room.live, error)


class Session:
    """The one context of an ordered task. A fault of the browser ends it: open another from the last checkpoint."""

    def __init__(self, visitor: Visitor, room: Room, crawl: CrawlConfig) -> None:
        self._visitor = visitor
        self._room = room
        self._crawl = crawl

    async def visit(self, url: str) -> Observation:
        """Visit the next page; the same promises as ``Visitor.visit``."""
        resolved = await self._visitor._resolved(url, self._crawl)
        if isinstance(resolved, Observation):
            return resolved
        return await self._visitor._visit_in(self._room, url, resolved)

    async def state(self) -> dict[str, Any]:
        """Return cookies and local storage as JSON values, for the checkpoint, which is encrypted: it holds log-ins."""
        try:
            return await self._room.state()
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._visitor._browser.fault(self._room.live, error) from error

    async def close(self) -> None:
        """Close the context."""
        await self._visitor._close(self._room)
