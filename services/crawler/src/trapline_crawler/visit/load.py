"""Loads one page and reads it, within the crawl's ``timeout`` and a small bound."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.browser.errors import BrowserHungError
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.blocked import retry_after
from trapline_crawler.visit.failures import goto_failure, status_failure
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import Reading, question, reading, source
from trapline_crawler.visit.slow_load import SlowLoad, last_navigation
from trapline_crawler.visit.transfer_size import transfer_size

_GONE = re.compile(r"crash|has been closed|Connection closed|Target closed|browser has disconnected", re.IGNORECASE)
_NAVIGATED = re.compile(r"Execution context was destroyed|Cannot find context|because of a navigation", re.IGNORECASE)
_NO_CONTENT = frozenset({204, 205})
_ERROR_PAGE = "chrome-error:"
_SOON = 2.0
"""Seconds for questions after a load failed: the browser answers them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How a load ended."""

    status: int | None = None
    """Status of the main document; ``None`` when the server did not answer."""
    redirects: int = 0
    """Redirects before the last request."""
    final_url: str | None = None
    """URL of the page that was read, or of the last request."""
    found: Reading | None = None
    """What ``read.js`` found; ``None`` when the load did not get as far as reading it."""
    failure: Failure | None = None
    """Why the load failed."""
    retry_after: float | None = None
    """Seconds of back-off that the host asks for by ``Retry-After``."""
    sound: bool = False
    """Whether it loaded and answered, so that the page can be used again."""


class PageHungError(Exception):
    """The page did not answer; only this page is lost."""


def is_gone(error: PlaywrightError) -> bool:
    """Tell whether an error means that the page, its renderer or the browser no longer exists."""
    return _GONE.search(str(error)) is not None


class Load:
    """One load of ``url`` in ``page``.

    ``run`` raises Playwright's error when page or browser are gone, and ``BrowserHungError`` when the driver does not
    keep its own timeout; the caller examines which visits are lost.
    """

    def __init__(
        self,
        page: Page,
        url: str,
        crawl: CrawlConfig,
        limits: VisitLimits,
        proxy: ContextProxy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._page = page
        self._url = url
        self._crawl = crawl
        self._limits = limits
        self._proxy = proxy
        self._clock = clock
        self._until = clock() + crawl.timeout
        self._marked = False

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())

    async def run(self) -> Loaded:
        """Load, wait and read."""
        try:
            answer = await self._goto()
        except PlaywrightTimeout:
            return await self._too_slow(f"not loaded within {self._crawl.timeout:g} s")
        except PlaywrightError as error:
            if is_gone(error):
                raise
            return await self._refused(goto_failure(str(error)))
        if isinstance(answer, Failure):
            return await self._refused(answer)
        status = answer.status if answer else None
        redirects = _hops(answer.request) if answer else 0
        missing: Failure | None = None
        if status_failure(status, self._crawl.expect.status) is None:
            missing = await self._wait_for()
        settle = 0.0 if missing else min(self._crawl.settle.at_most, self._left())
        try:
            found, moved = await self._read(settle)
        except PageHungError as error:
            failure = Failure(reason=Reason.PAGE_HUNG, detail=str(error), retry=True)
            return Loaded(status=status, redirects=redirects, final_url=self._page.url, failure=failure)
        except PlaywrightError as error:
            if is_gone(error):
                raise
            failure = goto_failure(str(error))
            return Loaded(status=status, redirects=redirects, final_url=self._page.url, failure=failure)
        if found.url.startswith(_ERROR_PAGE):
            return await self._refused(
                Failure(reason=Reason.NAVIGATION, detail="it went to a page that failed", retry=True)
            )
        size = await transfer_size(self._page, self._url, _SOON) if found.size_is_partial else None
        found = replace(found, size=size or found.size, timings=self._proxy.timed(found.timings, found.url))
        # A script may have sent the browser elsewhere: the status is the one of the page that was read.
        status = (found.status if moved else status) or status
        return Loaded(
            status=status,
            redirects=redirects,
            final_url=found.url,
            found=found,
            failure=self._cut_off() or missing,
            retry_after=None if answer is None else retry_after(answer.headers),
            sound=not self._marked,
        )

    async def _goto(self) -> Response | Failure | None:
        """Navigate; a load that takes long is watched meanwhile."""
        loading = asyncio.ensure_future(self._page.goto(self._url, timeout=self._left() * 1000, wait_until="load"))
        try:
            await asyncio.wait({loading}, timeout=min(self._limits.slow_after, self._left()))
            if not loading.done() and (failure := await self._watched(loading)):
                return failure
            return await loading
        finally:
            loading.cancel()

    async def _watched(self, loading: "asyncio.Future[Response | None]") -> Failure | None:
        slow = SlowLoad(self._page, size=self._limits.size)
        # The driver keeps the load's timeout; this one is for a driver that does not.
        waiting: set[asyncio.Future[Any]] = {loading, slow.failure}
        await asyncio.wait(waiting, timeout=self._left() + self._limits.answer, return_when=asyncio.FIRST_COMPLETED)
        failure = slow.failure.result() if slow.failure.done() else None
        loaded = failure is None and loading.done() and not loading.cancelled() and loading.exception() is None
        self._marked = not await slow.end(_SOON if loaded else 0)
        if failure is None and not loading.done():
            raise BrowserHungError("the driver did not keep the timeout of a navigation")
        return failure

    async def _wait_for(self) -> Failure | None:
        """Wait for the crawl's selector to be visible, as Playwright means it."""
        selector = self._crawl.wait_for
        if selector is None:
            return None
        try:
            async with asyncio.timeout(self._left() + self._limits.answer):
                await self._page.wait_for_selector(f"css={selector}", timeout=max(1.0, self._left() * 1000))
        except PlaywrightTimeout:
            return Failure(reason=Reason.WAIT_FOR, detail=f"{selector!r} never appeared", retry=True)
        except TimeoutError as error:
            raise BrowserHungError("the driver did not keep the timeout of a selector") from error
        except PlaywrightError as error:
            if is_gone(error):
                raise
            detail = f"wait_for: {selector!r}: {str(error).split(chr(10), 1)[0]}"
            return Failure(reason=Reason.SELECTOR, detail=detail, retry=False)
        return None

    async def _read(self, settle: float) -> tuple[Reading, bool]:
        """Settle and read, again when the page went elsewhere meanwhile; return whether it did.

        Raises ``PageHungError`` when it does not answer, or never stays long enough to be read.
        """
        moved = False
        while True:
            asked = question(self._crawl, settle_at_most=settle)
            try:
                async with asyncio.timeout(settle + self._limits.answer):
                    return reading(await self._page.evaluate(source("read.js"), asked), self._limits), moved
            except TimeoutError as error:
                raise PageHungError(f"no answer within {self._limits.answer:g} s after it had loaded") from error
            except PlaywrightError as error:
                if _NAVIGATED.search(str(error)) is None:
                    raise
                if not self._left():
                    raise PageHungError("it goes from page to page and never settles") from error
                moved = True
            try:
                await self._page.wait_for_load_state("load", timeout=max(1.0, self._left() * 1000))
            except PlaywrightTimeout as error:
                raise PageHungError("the page it went to by itself did not load in time") from error
            settle = min(self._crawl.settle.at_most, self._left())

    def _cut_off(self) -> Failure | None:
        if not self._proxy.spent:
            return None
        return Failure(reason=Reason.TOO_LARGE, detail=f"more than {self._limits.size} bytes", retry=False)

    def _explained(self, failure: Failure, url: str) -> Failure:
        """Return the failure as the proxy knows it, where the browser only knows that its proxy failed."""
        if cut := self._cut_off():
            return cut
        if failure.reason in {Reason.CONNECT, Reason.NAVIGATION}:
            return self._proxy.failure(url) or failure
        return failure

    async def _last_request(self) -> tuple[Request | None, Response | None]:
        """Return the main document's last request and its answer, as far as the driver remembers them."""
        try:
            async with asyncio.timeout(_SOON):
                request = await last_navigation(self._page)
        except TimeoutError as error:
            raise BrowserHungError("the driver did not answer what it loaded") from error
        return request, request.existing_response if request else None

    async def _refused(self, failure: Failure) -> Loaded:
        """Return what is known of a navigation that failed."""
        request, response = await self._last_request()
        if response is not None and response.status in _NO_CONTENT:
            detail = f"status {response.status}: nothing to show"
            failure = Failure(reason=Reason.NO_CONTENT, detail=detail, retry=False)
        elif response is not None:
            # Chromium shows an error of its own for an error status without a body.
            failure = status_failure(response.status, self._crawl.expect.status) or failure
        failure = self._explained(failure, request.url if request else self._url)
        return Loaded(
            status=response.status if response else None,
            redirects=_hops(request) if request else 0,
            final_url=request.url if request else None,
            failure=failure,
            retry_after=None if response is None else retry_after(response.headers),
        )

    async def _too_slow(self, detail: str) -> Loaded:
        """Tell a page that is slow from one that does not answer, and read what there is of it."""
        failure = Failure(reason=Reason.TIMEOUT, detail=detail, retry=True)
        request, response = await self._last_request()
        known = Loaded(
            status=response.status if response else None,
            redirects=_hops(request) if request else 0,
            final_url=request.url if request else None,
            failure=failure,
        )
        if response is None:
            return known  # nothing was shown: there is no page to ask
        try:
            async with asyncio.timeout(_SOON):
                asked = question(self._crawl, settle_at_most=0)
                found = reading(await self._page.evaluate(source("read.js"), asked), self._limits)
        except TimeoutError:
            hung = Failure(reason=Reason.PAGE_HUNG, detail=f"{detail}, and it does not answer", retry=True)
            return Loaded(
                status=known.status, redirects=known.redirects, final_url=known.final_url, failure=hung
            )  # fmt: skip
        except PlaywrightError as error:
            if is_gone(error):
                raise
            return known
        return Loaded(
            status=known.status, redirects=known.redirects, final_url=found.url, found=found, failure=failure
        )  # fmt: skip


def _hops(request: Request) -> int:
    count = 0
    before = request.redirected_from
    while before is not None:
        count += 1
        before = before.redirected_from
    return count
