"""Loads one page and reads it, within the crawl's ``timeout`` and a small bound."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Request, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.browser.errors import BrowserHungError, TabHeldError
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.blocked import retry_after
from trapline_crawler.visit.failures import goto_failure, status_failure
from trapline_crawler.visit.file_as_text import DOWNLOAD, file_as_text
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import LONGEST_URL, Reading, UnreadableAnswerError, question, reading
from trapline_crawler.visit.pooled_page import NAVIGATED, PooledPage
from trapline_crawler.visit.slow_load import SlowLoad, last_navigation
from trapline_crawler.visit.text_formats import OtherDocument, TextFormat, other_document

_GONE = re.compile(r"crash|has been closed|Connection closed|Target closed|browser has disconnected", re.IGNORECASE)
_NO_CONTENT = frozenset({204, 205})
_ERROR_PAGE = "chrome-error:"
_AGAIN = 0.02
"""Seconds after which a page that shows no document, because it goes elsewhere, is asked again."""
_ANSWERS = 0.5
"""Seconds that the page before may take for an answer, before it counts as what holds the tab."""


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
    """One load of ``url`` in ``pooled``.

    It ends at the crawl's ``timeout``, and what is still learnt of a page that used it up ends ``grace`` later. ``run``
    raises Playwright's error when page or browser are gone, ``BrowserHungError`` when the driver does not keep its own
    timeout, and ``TabHeldError`` when the page before does not let the tab go; the caller examines which visits are
    lost.
    """

    def __init__(
        self,
        pooled: PooledPage,
        url: str,
        crawl: CrawlConfig,
        limits: VisitLimits,
        proxy: ContextProxy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pooled = pooled
        self._page = pooled.page
        self._url = url
        self._crawl = crawl
        self._limits = limits
        self._proxy = proxy
        self._clock = clock
        self._until = clock() + crawl.timeout
        self._cuts = proxy.cuts
        self._format: TextFormat | None = None  # of a file that was shown as a text
        self._other: OtherDocument | None = None

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())

    def _left_to_ask(self) -> float:
        """Return the seconds for questions, half of the grace kept for a picture of a page that used up its time."""
        return max(0.0, self._until + self._limits.grace / 2 - self._clock())

    async def run(self) -> Loaded:
        """Load, wait and read."""
        try:
            answer = await self._goto()
        except PlaywrightTimeout:
            return await self._too_slow(f"not loaded within {self._crawl.timeout:g} s")
        except PlaywrightError as error:
            if is_gone(error):
                raise
            answer = await self._goto_file() if DOWNLOAD in str(error) else goto_failure(str(error))
        if isinstance(answer, Failure):
            return await self._refused(answer)
        self._other = None if answer is None else other_document(answer.headers, self._format)
        status = answer.status if answer else None
        redirects = _hops(answer.request) if answer else 0
        missing: Failure | None = None
        if status_failure(status, self._crawl.expect.status) is None:
            missing = await self._wait_for()
        settle = 0.0 if missing else min(self._crawl.settle.at_most, self._left())
        try:
            found, moved = await self._read(settle)
        except (PageHungError, UnreadableAnswerError, PlaywrightError) as error:
            failure = _unread(error)
            return Loaded(status=status, redirects=redirects, final_url=self._page.url[:LONGEST_URL], failure=failure)
        if found.url.startswith(_ERROR_PAGE):
            return await self._refused(
                Failure(reason=Reason.NAVIGATION, detail="it went to a page that failed", retry=True)
            )
        found = replace(found, timings=self._proxy.timed(found.timings, found.url))
        # A script may have sent the browser elsewhere: the status is the one of the page that was read.
        status = (found.status if moved else status) or status
        return Loaded(
            status=status,
            redirects=redirects,
            final_url=found.url,
            found=found,
            failure=self._cut_off() or missing,
            retry_after=None if answer is None else retry_after(answer.headers),
            sound=True,
        )

    async def _goto_file(self) -> Response | Failure | None:
        """Navigate once more, and have a text shown that would be downloaded."""
        async with file_as_text(self._page) as shown:
            try:
                answer = await self._goto()
            except PlaywrightTimeout:
                return Failure(reason=Reason.TIMEOUT, detail="the file did not come in time", retry=True)
            except PlaywrightError as error:
                if is_gone(error):
                    raise
                return shown.failure or goto_failure(str(error))
            self._format = shown.format
            return answer

    async def _goto(self) -> Response | Failure | None:
        """Navigate; a load that takes long is watched meanwhile."""
        await self._leave_same_document()
        loading = asyncio.ensure_future(self._page.goto(self._url, timeout=self._left() * 1000, wait_until="load"))
        try:
            await asyncio.wait({loading}, timeout=min(self._limits.slow_after, self._left()))
            if not loading.done() and (failure := await self._watched(loading)):
                return failure
            return await loading
        finally:
            loading.cancel()

    async def _leave_same_document(self) -> None:
        """Empty a tab that shows another route of the page: going from one to the other would load nothing."""
        if "#" not in self._url or self._page.url.partition("#")[0] != self._url.partition("#")[0]:
            return
        try:
            async with asyncio.timeout(min(self._limits.empty, self._left())):
                await self._pooled.leave()
        except TimeoutError as error:
            raise TabHeldError(f"the page before {self._url} does not let its tab go") from error

    async def _watched(self, loading: "asyncio.Future[Response | None]") -> Failure | None:
        await self._has_arrived()
        slow = SlowLoad(self._page, size=self._limits.size)
        # The driver keeps the load's timeout; this one is for a driver that does not.
        waiting: set[asyncio.Future[Any]] = {loading, slow.failure}
        try:
            await asyncio.wait(waiting, timeout=self._left_to_ask(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            slow.end()
        if slow.failure.done():
            return slow.failure.result()
        if not loading.done():
            raise BrowserHungError("the driver did not keep the timeout of a navigation")
        return None

    async def _wait_for(self) -> Failure | None:
        """Wait for the crawl's selector to be visible, as Playwright means it."""
        selector = self._crawl.wait_for
        if selector is None:
            return None
        try:
            async with asyncio.timeout(self._left_to_ask()):
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
            try:
                return await self._ask(settle, within=min(settle + self._limits.answer, self._left_to_ask())), moved
            except TimeoutError as error:
                raise PageHungError("it had loaded, and then did not answer the crawler in time") from error
            except PlaywrightError as error:
                if NAVIGATED.search(str(error)) is None:
                    raise
                if not self._left():
                    raise PageHungError("it goes from page to page and never settles") from error
                moved = True
                await asyncio.sleep(_AGAIN)
            try:
                await self._page.wait_for_load_state("load", timeout=max(1.0, self._left() * 1000))
            except PlaywrightTimeout as error:
                raise PageHungError("the page it went to by itself did not load in time") from error
            settle = min(self._crawl.settle.at_most, self._left())

    async def _ask(self, settle: float, *, within: float) -> Reading:
        """Settle and read once. The page's URL is the browser's word, not the page's."""
        async with asyncio.timeout(within):
            answer = await self._pooled.evaluate(question(self._crawl, settle_at_most=settle, other=self._other))
        return reading(answer, self._crawl, self._limits, url=self._page.url)

    def _cut_off(self) -> Failure | None:
        if self._proxy.cuts == self._cuts:
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
            async with asyncio.timeout(self._limits.grace / 2):
                request = await last_navigation(self._page)
        except TimeoutError as error:
            raise BrowserHungError("the driver did not answer what it loaded") from error
        return request, request.existing_response if request else None

    async def _has_arrived(self) -> bool:
        """Return whether the tab shows what it was sent to. Raises ``TabHeldError`` where the page before keeps it."""
        try:
            async with asyncio.timeout(self._limits.grace / 2):
                arrived = await self._pooled.has_arrived()
        except TimeoutError:
            return True  # the driver is busy with another page: nothing is known that would excuse this one
        if not (arrived or self._pooled.is_clean or await self._pooled.answers(within=_ANSWERS)):
            raise TabHeldError(f"the page before {self._url} does not let its tab go")
        return arrived

    async def _refused(self, failure: Failure) -> Loaded:
        """Return what is known of a navigation that failed."""
        if failure.reason is Reason.NAVIGATION:
            await self._has_arrived()
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
            final_url=request.url[:LONGEST_URL] if request else None,
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
            final_url=request.url[:LONGEST_URL] if request else None,
            failure=failure,
        )
        if not await self._has_arrived() or response is None:
            return known  # nothing was shown: there is no page to ask
        try:
            found = await self._ask(0, within=self._left_to_ask())
        except TimeoutError:
            hung = Failure(reason=Reason.PAGE_HUNG, detail=f"{detail}, and it does not answer", retry=True)
            return Loaded(
                status=known.status, redirects=known.redirects, final_url=known.final_url, failure=hung
            )  # fmt: skip
        except UnreadableAnswerError:
            return known
        except PlaywrightError as error:
            if is_gone(error):
                raise
            return known
        return Loaded(
            status=known.status, redirects=known.redirects, final_url=found.url, found=found, failure=failure
        )  # fmt: skip


def _unread(error: PageHungError | UnreadableAnswerError | PlaywrightError) -> Failure:
    """Return why a page that loaded was not read. Raises Playwright's error when the page, or more, is gone."""
    if isinstance(error, PageHungError):
        return Failure(reason=Reason.PAGE_HUNG, detail=str(error), retry=True)
    if isinstance(error, UnreadableAnswerError):
        return Failure(reason=Reason.NAVIGATION, detail=str(error), retry=False)
    if is_gone(error):
        raise error
    return goto_failure(str(error))


def _hops(request: Request) -> int:
    count = 0
    before = request.redirected_from
    while before is not None:
        count += 1
        before = before.redirected_from
    return count
