"""Opens, visits in and closes browser contexts, and tells the browser's faults from the faults of a page."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.ports import ArtifactStore, SecretSource
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.errors import (
    BrowserBusyError,
    BrowserFaultError,
    BrowserHungError,
    MemorySpentError,
    PageCrashedError,
    PageStuckError,
    RoomSpentError,
)
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.visit.company import Stay
from trapline_crawler.visit.evidence import keep_evidence
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Load, Loaded
from trapline_crawler.visit.observe import observe, without_secrets
from trapline_crawler.visit.page_pool import PagePool
from trapline_crawler.visit.page_script import LONGEST_URL
from trapline_crawler.visit.pooled_page import PooledPage
from trapline_crawler.visit.request_rules import OwnRequests
from trapline_crawler.visit.resolved_secrets import Resolved, SecretMissingError, resolve
from trapline_crawler.visit.scrubbed_errors import scrubbed_errors
from trapline_crawler.visit.steps import Steps

T = TypeVar("T")
_log = get_logger("crawler")
LONG_TEXT = 200_000
"""Characters from which on a text is looked through for secrets beside the event loop; a shorter one takes little."""
_SILENT = frozenset({Reason.TIMEOUT, Reason.PAGE_HUNG, Reason.WAIT_FOR})
_TOLD = 0.1
"""Seconds within which the browser tells of every page that a killed renderer showed."""
_SCHEMES = frozenset({"http", "https"})


class Contexts:
    """The contexts of one browser, and the one way in which a visit goes. Raises no error of Playwright's own.

    The browser's faults are raised as ``BrowserFaultError``.
    """

    def __init__(
        self,
        browser: Browser,
        *,
        artifacts: ArtifactStore,
        secrets: SecretSource,
        limits: VisitLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._browser = browser
        self._artifacts = artifacts
        self._secrets = secrets
        self._limits = limits
        self._clock = clock
        self._closing: set[asyncio.Task[None]] = set()

    async def resolve(self, url: str, crawl: CrawlConfig) -> Resolved | Observation:
        """Return the crawl with its secrets, or the failed visit when one is missing."""
        if urlsplit(url).scheme not in _SCHEMES:
            failure = Failure(reason=Reason.ADDRESS_REFUSED, detail="only http and https are visited", retry=False)
            return Observation(url=url, failure=failure)
        try:
            return await resolve(crawl, self._secrets)
        except SecretMissingError as error:
            failure = Failure(reason=Reason.SECRET, detail=str(error), retry=False)
            return Observation(url=url, failure=failure)

    async def live(self) -> LiveBrowser:
        """Return the running browser, launched if need be."""
        return await self._browser.ready()

    async def open(
        self, crawl: CrawlConfig, state: Mapping[str, Any] | None = None, *, shared: bool = False, room: bool = False
    ) -> PagePool:
        """Open a context for a resolved crawl; ``shared``: for several visits at once; ``room``: to be wiped."""
        live = await self._browser.ready()
        try:
            return await PagePool.open(live, crawl, self._limits, state, shared=shared, room=room)
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(live, error) from error

    async def state(self, pool: PagePool) -> dict[str, Any]:
        """Return the context's cookies and local storage."""
        try:
            return await pool.state()
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(pool.live, error) from error

    async def close(self, pool: PagePool) -> None:
        """Close a context: at once as far as others are concerned, in the background where it takes long.

        A context that does not close at all costs the browser, but nobody's visit: the browser is retired.
        """
        pool.shut()
        await self._soon(self._close(pool))

    async def visit(
        self, pool: PagePool, url: str, resolved: Resolved, stay: Stay, *, keep: bool = True
    ) -> Observation:
        """Visit ``url`` in a page of ``pool``; ``keep``: leave the context fit for the next visit.

        A page that does not answer is to blame, unless the browser was busy while others were in it: ``stay`` tells.
        Raises ``RoomSpentError`` when all visits of the context together loaded too much.
        """
        start = self._clock()
        return await self._in_page(
            pool,
            resolved,
            lambda pooled: self._visit_in(pool, pooled, url, resolved, stay, start),
            url=url,
            stay=stay,
            keep=keep,
        )

    async def do_steps(self, pool: PagePool, url: str, resolved: Resolved, stay: Stay) -> Observation | None:
        """Do the crawl's steps in a page of ``pool``; return the failed visit of ``url`` when one of them fails."""
        return await self._in_page(
            pool, resolved, lambda pooled: self._steps_in(pool, pooled, url, resolved), url=url, stay=stay, keep=True
        )

    async def _in_page(
        self,
        pool: PagePool,
        resolved: Resolved,
        work: Callable[[PooledPage], Coroutine[Any, Any, tuple[T, bool]]],
        *,
        url: str,
        stay: Stay,
        keep: bool,
    ) -> T | Observation:
        """Work in a page; the second part of what ``work`` returns is whether the page can be used again."""
        with scrubbed_errors(resolved.finder):
            return await self._work_in_page(pool, resolved, work, url=url, stay=stay, keep=keep)

    async def _work_in_page(
        self,
        pool: PagePool,
        resolved: Resolved,
        work: Callable[[PooledPage], Coroutine[Any, Any, tuple[T, bool]]],
        *,
        url: str,
        stay: Stay,
        keep: bool,
    ) -> T | Observation:
        try:
            pooled = await pool.take()
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(pool.live, error) from error
        pool.proxy.allow(self._limits.size * pool.in_use)
        sound, kills, lates = False, pool.live.watch.kills, pool.live.lateness.times
        try:
            # Each step has its own bound; this one guards against an await without any.
            at_most = self._limits.open + resolved.crawl.timeout + self._limits.grace + self._limits.store
            done = await bounded(_until_it_ends(pooled, work(pooled)), at_most, f"visit of {url}")
            if done is not None:
                result, sound = done
                return result
            return await self._ended(pool, pooled, url, resolved, kills)
        except (PlaywrightError, BrowserHungError) as error:
            if pooled.ended.done():
                return await self._ended(pool, pooled, url, resolved, kills)
            fault = await self._browser.fault(pool.live, error, lates=lates)
            if pooled.ended.done():
                return await self._ended(pool, pooled, url, resolved, kills)
            if isinstance(fault, PageStuckError) and not _is_anothers(fault, stay):
                failure = fault.failure()
                failure = replace(failure, detail=resolved.finder.scrub_again(failure.detail))
                return Observation(url=url, failure=failure)
            raise fault from error
        finally:
            if keep:
                await self._soon(self._give_back(pool, pooled, reusable=sound))
            else:
                pool.leave()

    async def _ended(self, pool: PagePool, pooled: PooledPage, url: str, resolved: Resolved, kills: int) -> Observation:
        """Return the failed visit of a page that was cut off. Raises the fault of one whose renderer died."""
        if pooled.failure is not None:
            if pool.shared and not pooled.is_clean:
                # Its tab showed another page before, and what that one began may still have been arriving.
                raise RoomSpentError(f"a tab that was used before was cut off while it showed {url}")
            final_url = without_secrets(pooled.page.url, resolved.finder, longest=LONGEST_URL)
            return Observation(url=url, final_url=final_url, failure=pooled.failure)
        fault: BrowserFaultError = PageCrashedError(f"the page's renderer died while it showed {url}")
        watch = pool.live.watch
        if watch.kills > kills:
            fault, kill = MemorySpentError(f"the page's renderer was killed: {watch.why}"), watch.kills
            watch.crashed[kill] += 1
            await asyncio.sleep(_TOLD)
            fault.is_own = watch.crashed[kill] == 1 and pooled.is_clean
        fault.in_company = not pooled.is_clean  # the renderer still held what the page before had left
        raise fault

    async def _steps_in(
        self, pool: PagePool, pooled: PooledPage, url: str, resolved: Resolved
    ) -> tuple[Observation | None, bool]:
        rules = await bounded(OwnRequests.open(pooled.page, url, resolved), self._limits.open, "set-up of a page")
        failure = await Steps(pooled, resolved, self._limits, pool.proxy, self._clock, rules=rules).run()
        if failure is None:
            if rules is not None:
                await bounded(rules.close(), self._limits.close, "set-up of a page undone")
            return None, True
        fault = await self._browser.examine(pool.live, because=failure.detail)
        if fault is not None and not isinstance(fault, BrowserBusyError):
            raise fault
        kept = await keep_evidence(pooled, None, resolved, failed=True, store=self._artifacts, limits=self._limits)
        failure = replace(failure, detail=" ".join(resolved.finder.scrub_again(failure.detail).split()))
        return Observation(url=url, failure=failure, screenshot=kept.screenshot, html=kept.html), False

    async def _visit_in(
        self, pool: PagePool, pooled: PooledPage, url: str, resolved: Resolved, stay: Stay, start: float
    ) -> tuple[Observation, bool]:
        """Visit and tell whether the page can be used again."""
        rules = await bounded(OwnRequests.open(pooled.page, url, resolved), self._limits.open, "set-up of a page")
        if rules is not None:
            rules.going_to(url)
        until = self._clock() + resolved.crawl.timeout + self._limits.grace
        cuts, lates = pool.proxy.cuts, pool.live.lateness.times

        async def before(seconds: float) -> Failure | None:
            return await Steps(pooled, resolved, self._limits, pool.proxy, self._clock, before=seconds).run()

        load = Load(
            pooled,
            url,
            resolved.crawl,
            self._limits,
            pool.proxy,
            self._clock,
            before=before if resolved.crawl.before else None,
        )
        try:
            async with asyncio.timeout(resolved.crawl.timeout + self._limits.grace):
                loaded = await load.run()
        except TimeoutError:
            failure = Failure(reason=Reason.PAGE_HUNG, detail="it did not let its visit end in time", retry=True)
            loaded = Loaded(final_url=pooled.page.url[:LONGEST_URL], failure=failure)
        if pool.shared and pool.proxy.cuts != cuts:
            raise RoomSpentError(f"visits that share a context loaded too much, while it showed {url}")
        if loaded.failure is not None and loaded.failure.reason in _SILENT:
            # The page is blamed only when the browser is not: it answers, and the page does not.
            fault = await self._browser.examine(pool.live, because=loaded.failure.detail, lates=lates)
            if fault is not None and (not isinstance(fault, BrowserBusyError) or _is_anothers(fault, stay)):
                raise fault
        took = (self._clock() - start) * 1000
        observation = await _observed(url, loaded, resolved, self._limits, milliseconds=took)
        if loaded.found is not None:
            limits = replace(self._limits, evidence=min(self._limits.evidence, max(0.1, until - self._clock())))
            failed = observation.failure is not None
            kept = await keep_evidence(
                pooled, loaded.found, resolved, failed=failed, store=self._artifacts, limits=limits
            )
            note = "; ".join(part for part in (observation.note, kept.note) if part) or None
            observation = replace(
                observation, screenshot=kept.screenshot, html=kept.html, note=note, picture=kept.picture
            )
        if rules is not None and loaded.sound:
            await bounded(rules.close(), self._limits.close, "set-up of a page undone")
        return observation, loaded.sound

    async def _give_back(self, pool: PagePool, pooled: PooledPage, *, reusable: bool) -> None:
        """Give a page back. One that does not close costs the browser, as a context does."""
        try:
            fit = reusable and not pool.live.watch.slows_any
            await bounded(pool.give_back(pooled, reusable=fit), self._limits.close, "close of a page")
        except BrowserHungError as error:
            _log.warning("browser_retired", reason=str(error))
            self._browser.retire(pool.live)

    async def _close(self, pool: PagePool) -> None:
        try:
            await bounded(pool.close(), self._limits.close, "close of a context")
        except (PlaywrightError, BrowserHungError) as error:
            _log.warning("browser_retired", reason=str(error).split("\n", 1)[0])
            self._browser.retire(pool.live)

    async def _soon(self, closing: Coroutine[Any, Any, None]) -> None:
        """Wait a little for what closes, and leave the rest of it to the background."""
        task = asyncio.ensure_future(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        await asyncio.wait({task}, timeout=self._limits.close_soon)

    async def closed(self) -> None:
        """Wait for what still closes in the background; the end of the browser ends it too."""
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)


def _is_anothers(fault: BrowserFaultError, stay: Stay) -> bool:
    """Tell whether what kept a page from answering may be another visit's doing."""
    return isinstance(fault, BrowserBusyError) and stay.in_company


async def _until_it_ends(pooled: PooledPage, work: Coroutine[Any, Any, tuple[T, bool]]) -> tuple[T, bool] | None:
    """Return what ``work`` returns; ``None`` as soon as the page is no use any more."""
    working = asyncio.ensure_future(work)
    try:
        waiting: set[asyncio.Future[Any]] = {working, pooled.ended}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        if not working.done():
            working.cancel()
            await asyncio.wait({working})


async def _observed(
    url: str, loaded: Loaded, resolved: Resolved, limits: VisitLimits, *, milliseconds: float
) -> Observation:
    """Observe; beside the event loop where a long text is looked through for secrets, which may take seconds."""
    text = None if loaded.found is None else loaded.found.text
    if resolved.finder and text is not None and len(text) > LONG_TEXT:
        return await asyncio.to_thread(observe, url, loaded, resolved, limits, milliseconds=milliseconds)
    return observe(url, loaded, resolved, limits, milliseconds=milliseconds)
