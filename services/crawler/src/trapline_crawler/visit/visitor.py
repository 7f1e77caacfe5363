"""The ordinary visitor: a URL and a crawl in, an observation out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from trapline_common.config.models import CrawlConfig, Isolation
from trapline_common.domain.observation import Observation
from trapline_common.domain.ports import ArtifactStore, SecretSource
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.errors import (
    BrowserFaultError,
    BrowserLaunchError,
    MemorySpentError,
    PageCrashedError,
    PageStuckError,
    RoomSpentError,
    TabHeldError,
)
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn
from trapline_crawler.visit.company import Company, Stay
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_pool import PagePool
from trapline_crawler.visit.resolved_secrets import Resolved, resolve
from trapline_crawler.visit.rooms import Rooms, may_share_rooms
from trapline_crawler.visit.visit_in_context import Contexts

_log = get_logger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shared:
    """The context that a crawl's visits share."""

    crawl: CrawlConfig
    """The config it was opened for, secrets resolved."""
    state: Mapping[str, Any] | None
    """The session it was opened with."""
    pool: PagePool
    """The context and its pages."""


class BrowserVisitor:
    """Implements the ``Visitor`` port with one browser, which it owns: launched at the first visit, ended by ``close``.

    Any number of visits may be in flight; the caller's ``pages_in_flight`` bounds it. A page's fault is an observation
    with a ``failure``. The browser's fault is raised as a ``BrowserFaultError``, whose class says whether the other
    visits in flight are lost too. ``TransientError`` comes from the source of secrets alone.
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
        self._secrets = secrets
        self._clock = clock
        limits = limits or VisitLimits()
        self._contexts = Contexts(browser, artifacts=artifacts, secrets=secrets, limits=limits, clock=clock)
        self.rooms = Rooms(self._contexts, limits)
        self._company = Company()
        self._shared: dict[str, _Shared] = {}
        self._opening = asyncio.Lock()

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit ``url`` as ``crawl`` says: at most its ``timeout``, and ``grace`` for what is still learnt of it.

        A visit that the browser failed in company is made again alone, with half of its ``timeout`` at least.

        ``state``: the session to visit it in, as ``log_in`` returned it. Another session gets another shared context.
        """
        resolved = await self._contexts.resolve(url, crawl)
        if isinstance(resolved, Observation):
            return resolved
        until = self._clock() + crawl.timeout
        try:
            return await self._fairly(
                lambda stay: self._visit(url, resolved, state, stay),
                lambda stay: self._visit_apart(url, self._hurried(resolved, until), state, stay),
            )
        except MemorySpentError as spent:
            return Observation(url=url, failure=spent.failure())  # it was alone: the memory was the page's own

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps in their own context; return the session they began, or the failed visit of ``url``.

        Takes as long as a visit. The crawl's headers and cookies go to the origin of ``url`` only, as in every visit.
        """
        resolved = await self._contexts.resolve(url, crawl)
        if isinstance(resolved, Observation):
            return resolved
        # A log-in that failed is not repeated here: what it sent may have counted as an attempt.
        async with self._company.together() as stay, self._apart(resolved) as pool:
            failed = await self._contexts.do_steps(pool, url, resolved, stay)
            return failed or LoggedIn(state=_without_own(await self._contexts.state(pool), crawl))

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> "ContextSession":
        """Open the session of an ordered task; ``state`` is that of its last checkpoint.

        Raises ``SecretMissingError``, and ``BrowserFaultError`` as ``visit`` does.
        """
        resolved = await resolve(crawl, self._secrets)
        pool = await self._contexts.open(resolved.crawl, state)
        return ContextSession(self._contexts, self._company, self._browser.using(pool.live), pool, crawl)

    async def close(self) -> None:
        """End the browser, and with it every context that is open in it."""
        await self.rooms.closed()
        await self._contexts.closed()
        await self._browser.close()

    async def _fairly(
        self, visit: Callable[[Stay], Awaitable[Observation]], again: Callable[[Stay], Awaitable[Observation]]
    ) -> Observation:
        """Visit, and ``again`` when the browser died under a visit that had company: alone, so that a fault is its own.

        A page that kills its browser, or takes its memory, so costs its neighbours a moment and no charge.
        """
        stay = None
        try:
            async with self._company.together() as stay:
                return await visit(stay)
        except BrowserFaultError as fault:
            shared = stay is not None and stay.in_company and not fault.is_own
            if isinstance(fault, BrowserLaunchError) or not (shared or fault.in_company):
                raise
            _log.info("visit_again_alone", reason=str(fault))
        async with self._company.alone() as stay:
            return await again(stay)

    def _hurried(self, resolved: Resolved, until: float) -> Resolved:
        """Return what is resolved with the rest of its ``timeout``; half of it at least, for a neighbour's sake."""
        timeout = resolved.crawl.timeout
        left = max(timeout / 2, min(timeout, until - self._clock()))
        return replace(resolved, crawl=resolved.crawl.model_copy(update={"timeout": left}))

    async def _visit(self, url: str, resolved: Resolved, state: Mapping[str, Any] | None, stay: Stay) -> Observation:
        isolation = resolved.crawl.isolation
        if isolation is Isolation.CLEAN and state is None and may_share_rooms(resolved):
            return await self._visit_in_room(url, resolved, stay)
        if isolation is not Isolation.CRAWL:
            return await self._visit_apart(url, resolved, state, stay)
        until = self._clock() + resolved.crawl.timeout
        pool = await self._shared_pool(resolved.crawl, state)
        try:
            with self._browser.using(pool.live):
                return await self._contexts.visit(pool, url, resolved, stay)
        except (RoomSpentError, TabHeldError) as fault:
            _log.info("visit_again_apart", reason=str(fault))
        return await self._visit_apart(url, self._hurried(resolved, until), state, stay)

    async def _visit_in_room(self, url: str, resolved: Resolved, stay: Stay) -> Observation:
        """Visit in a room; a fault of one that was used before is nobody's, and the page is visited again apart."""
        until = self._clock() + resolved.crawl.timeout
        room = await self.rooms.take(resolved.crawl, url)
        with self._browser.using(room.pool.live):
            try:
                return await self._contexts.visit(room.pool, url, resolved, stay)
            except (MemorySpentError, PageCrashedError, PageStuckError, TabHeldError) as fault:
                if not room.is_used or not room.pool.live.browser.is_connected():
                    raise
                _log.info("visit_again_apart", reason=str(fault))
            finally:
                await self.rooms.give_back(room)
        return await self._visit_apart(url, self._hurried(resolved, until), None, stay)

    async def _visit_apart(
        self, url: str, resolved: Resolved, state: Mapping[str, Any] | None, stay: Stay
    ) -> Observation:
        async with self._apart(resolved, state) as pool:
            return await self._contexts.visit(pool, url, resolved, stay, keep=False)

    @asynccontextmanager
    async def _apart(self, resolved: Resolved, state: Mapping[str, Any] | None = None) -> AsyncIterator[PagePool]:
        """Open a context for one visit or log-in, and close it afterwards."""
        pool = await self._contexts.open(resolved.crawl, state)
        with self._browser.using(pool.live):
            try:
                yield pool
            finally:
                await self._contexts.close(pool)

    async def _shared_pool(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> PagePool:
        """Return the crawl's context: one as long as its config, its session and the browser stay the same."""
        async with self._opening:
            live = await self._contexts.live()
            kept = self._shared.get(crawl.name)
            if kept is not None and kept.pool.live is live and kept.crawl == crawl and kept.state is state:
                return kept.pool
            pool = await self._contexts.open(crawl, state, shared=True)
            self._shared[crawl.name] = _Shared(crawl=crawl, state=state, pool=pool)
        if kept is not None and kept.pool.live is live and not kept.pool.in_use:
            await self._contexts.close(kept.pool)
        return pool


def _without_own(state: dict[str, Any], crawl: CrawlConfig) -> dict[str, Any]:
    """Return ``state`` without the crawl's own cookies: they may be secrets, and every visit sets them anew."""
    own = {cookie.name for cookie in crawl.cookies}
    return state | {"cookies": [cookie for cookie in state.get("cookies", []) if cookie["name"] not in own]}


class ContextSession:
    """Implements the ``Session`` port with one context. A fault of the browser ends it for good."""

    def __init__(
        self,
        contexts: Contexts,
        company: Company,
        using: AbstractContextManager[None],
        pool: PagePool,
        crawl: CrawlConfig,
    ) -> None:
        self._contexts = contexts
        self._company = company
        self._pool = pool
        self._crawl = crawl
        self._using = ExitStack()
        self._using.enter_context(using)

    async def visit(self, url: str) -> Observation:
        """Visit the next page, under the same bounds as ``BrowserVisitor.visit``."""
        resolved = await self._contexts.resolve(url, self._crawl)
        if isinstance(resolved, Observation):
            return resolved
        async with self._company.together() as stay:
            try:
                try:
                    return await self._contexts.visit(self._pool, url, resolved, stay)
                except TabHeldError as fault:  # that tab is closed: the session goes on in another one
                    _log.info("visit_again_in_another_tab", reason=str(fault))
                    return await self._contexts.visit(self._pool, url, resolved, stay)
            except BrowserFaultError as fault:
                fault.in_company |= stay.in_company
                raise

    async def state(self) -> dict[str, Any]:
        """Return cookies and local storage as JSON values, for the checkpoint, which is encrypted: it holds log-ins.

        The crawl's own cookies are not in it.
        """
        return _without_own(await self._contexts.state(self._pool), self._crawl)

    async def close(self) -> None:
        """Close the context."""
        await self._contexts.close(self._pool)
        self._using.close()
