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
from trapline_crawler.browser.errors import BrowserHungError, PageCrashedError
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.visit.evidence import keep_evidence
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import Load, Loaded
from trapline_crawler.visit.observe import observe
from trapline_crawler.visit.page_pool import PagePool, PooledPage
from trapline_crawler.visit.request_rules import OwnRequests
from trapline_crawler.visit.resolved_secrets import Resolved, SecretMissingError, resolve
from trapline_crawler.visit.scrubbed_errors import scrubbed_errors
from trapline_crawler.visit.steps import Steps

T = TypeVar("T")
LONG_TEXT = 200_000
"""Characters from which on a text is looked through for secrets beside the event loop; a shorter one takes little."""
_SILENT = frozenset({Reason.TIMEOUT, Reason.PAGE_HUNG, Reason.WAIT_FOR})
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

    async def open(self, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> PagePool:
        """Open a context for a resolved crawl."""
        live = await self._browser.ready()
        try:
            return await PagePool.open(live, crawl, self._limits, state)
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(live, error) from error

    async def state(self, pool: PagePool) -> dict[str, Any]:
        """Return the context's cookies and local storage."""
        try:
            return await pool.state()
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(pool.live, error) from error

    async def close(self, pool: PagePool) -> None:
        """Close a context. One that won't close is the browser's fault, and no reason to lose the visit's result."""
        try:
            await pool.close()
        except (PlaywrightError, BrowserHungError) as error:
            await self._browser.fault(pool.live, error)

    async def visit(self, pool: PagePool, url: str, resolved: Resolved) -> Observation:
        """Visit ``url`` in a page of ``pool``, and leave the context fit for the next visit."""
        start = self._clock()
        return await self._in_page(
            pool, url, resolved, lambda pooled: self._visit_in(pool, pooled, url, resolved, start)
        )

    async def do_steps(self, pool: PagePool, url: str, resolved: Resolved) -> Observation | None:
        """Do the crawl's steps in a page of ``pool``; return the failed visit of ``url`` when one of them fails."""
        return await self._in_page(pool, url, resolved, lambda pooled: self._steps_in(pool, pooled, url, resolved))

    async def _in_page(
        self,
        pool: PagePool,
        url: str,
        resolved: Resolved,
        work: Callable[[PooledPage], Coroutine[Any, Any, tuple[T, bool]]],
    ) -> T:
        """Work in a page; the second part of what ``work`` returns is whether the page can be used again."""
        with scrubbed_errors(resolved.finder):
            return await self._work_in_page(pool, url, resolved, work)

    async def _work_in_page(
        self,
        pool: PagePool,
        url: str,
        resolved: Resolved,
        work: Callable[[PooledPage], Coroutine[Any, Any, tuple[T, bool]]],
    ) -> T:
        try:
            pooled = await pool.take()
            pool.proxy.allow(self._limits.size * pool.in_use)
        except (PlaywrightError, BrowserHungError) as error:
            raise await self._browser.fault(pool.live, error) from error
        sound = False
        try:
            # Each step has its own bound; this one guards against an await without any.
            at_most = resolved.crawl.timeout + self._limits.beyond_timeout
            result, sound = await bounded(work(pooled), at_most, f"visit of {url}")
            return result
        except (PlaywrightError, BrowserHungError) as error:
            if pooled.crashed and isinstance(error, PlaywrightError):
                raise PageCrashedError(f"the page's renderer died while it showed {url}") from error
            raise await self._browser.fault(pool.live, error) from error
        finally:
            await self._give_back(pool, pooled, reusable=sound)

    async def _steps_in(
        self, pool: PagePool, pooled: PooledPage, url: str, resolved: Resolved
    ) -> tuple[Observation | None, bool]:
        rules = await bounded(OwnRequests.open(pooled.page, url, resolved), self._limits.open, "set-up of a page")
        failure = await Steps(pooled.page, resolved, self._limits, pool.proxy, self._clock, rules=rules).run()
        if failure is None:
            if rules is not None:
                await bounded(rules.close(), self._limits.close, "set-up of a page undone")
            return None, True
        fault = await self._browser.examine(pool.live, because=failure.detail)
        if fault is not None:
            raise fault
        kept = await keep_evidence(pooled.page, None, resolved, failed=True, store=self._artifacts, limits=self._limits)
        failure = replace(failure, detail=" ".join(resolved.finder.scrub_again(failure.detail).split()))
        return Observation(url=url, failure=failure, screenshot=kept.screenshot, html=kept.html), False

    async def _visit_in(
        self, pool: PagePool, pooled: PooledPage, url: str, resolved: Resolved, start: float
    ) -> tuple[Observation, bool]:
        """Visit and tell whether the page can be used again."""
        rules = await bounded(OwnRequests.open(pooled.page, url, resolved), self._limits.open, "set-up of a page")
        if rules is not None:
            rules.going_to(url)
        loaded = await Load(pooled.page, url, resolved.crawl, self._limits, pool.proxy, self._clock).run()
        if loaded.failure is not None and loaded.failure.reason in _SILENT:
            # The page is blamed only when the browser is not: it answers, and the page does not.
            fault = await self._browser.examine(pool.live, because=loaded.failure.detail)
            if fault is not None:
                raise fault
        took = (self._clock() - start) * 1000
        observation = await _observed(url, loaded, resolved, self._limits, milliseconds=took)
        if loaded.found is not None:
            failed = observation.failure is not None
            kept = await keep_evidence(
                pooled.page, loaded.found, resolved, failed=failed, store=self._artifacts, limits=self._limits
            )
            observation = replace(observation, screenshot=kept.screenshot, html=kept.html)
        if rules is not None and loaded.sound:
            await bounded(rules.close(), self._limits.close, "set-up of a page undone")
        return observation, loaded.sound

    async def _give_back(self, pool: PagePool, pooled: PooledPage, *, reusable: bool) -> None:
        try:
            await pool.give_back(pooled, reusable=reusable)
        except BrowserHungError as error:
            await self._browser.fault(pool.live, error)


async def _observed(
    url: str, loaded: Loaded, resolved: Resolved, limits: VisitLimits, *, milliseconds: float
) -> Observation:
    """Observe; beside the event loop where a long text is looked through for secrets, which may take seconds."""
    text = None if loaded.found is None else loaded.found.text
    if resolved.finder and text is not None and len(text) > LONG_TEXT:
        return await asyncio.to_thread(observe, url, loaded, resolved, limits, milliseconds=milliseconds)
    return observe(url, loaded, resolved, limits, milliseconds=milliseconds)
