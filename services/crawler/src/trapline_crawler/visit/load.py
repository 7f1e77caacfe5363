"""Loads one page and reads it, within the crawl's ``timeout`` and a small bound."""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from trapline_common.config.choices import Frames
from trapline_common.config.models import CrawlConfig
from trapline_common.content.text import normalise
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.browser.errors import BrowserHungError, TabHeldError
from trapline_crawler.browser.tab_meter import end_of_source
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.blocked import retry_after
from trapline_crawler.visit.failures import goto_failure, status_failure
from trapline_crawler.visit.file_as_text import DOWNLOAD, file_as_text
from trapline_crawler.visit.header_values import runs_no_scripts, whole_number
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.other_frames import with_other_frames
from trapline_crawler.visit.page_script import LONGEST_URL, Reading, UnreadableAnswerError, question, reading, source
from trapline_crawler.visit.pooled_page import NAVIGATED, PooledPage
from trapline_crawler.visit.text_formats import OtherDocument, TextFormat, other_document
from trapline_crawler.visit.whole_answer import COMPRESSED, LONGEST_TAIL, Again, ends_as_pages_do, is_cut

_GONE = re.compile(r"crash|has been closed|Connection closed|Target closed|browser has disconnected", re.IGNORECASE)
_NO_CONTENT = frozenset({204, 205})
_ERROR_PAGE = "chrome-error:"
_AGAIN = 0.02
"""Seconds after which a page that shows no document, because it goes elsewhere, is asked again."""
_TO_ANSWER = 0.3
"""Seconds, at most a tenth of what is left, in which a page that waited in vain can say so on a busy machine."""
_SCROLLED = 0.2
"""Seconds at least after which a page has asked for what comes by scrolling."""
_TAKEN = re.compile(r"interrupted by another navigation|ERR_ABORTED")
"""What Playwright says of a navigation that another one took over from."""
_SENT_AGAIN = frozenset({"user-agent", "accept-language"})
"""Of the browser's headers; those of the crawl may be secrets, and stay with the browser, which knows where they go."""
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
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the document that was read, names in lower case; empty where it is another than the one asked for."""
    sound: bool = False
    """Whether it loaded and answered, so that the page can be used again."""


class PageHungError(Exception):
    """The page did not answer; only this page is lost."""


def is_gone(error: PlaywrightError) -> bool:
    """Tell whether an error means that the page, its renderer or the browser no longer exists."""
    return _GONE.search(str(error)) is not None


class Load:
    """One load of ``url`` in ``pooled``.

    ``before`` does what the crawl does in a page that is there, within so many seconds, before it is read.

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
        *,
        before: Callable[[float], Awaitable[Failure | None]] | None = None,
    ) -> None:
        self._pooled = pooled
        self._before = before
        self._page = pooled.page
        self._url = url
        self._crawl = crawl
        self._limits = limits
        self._proxy = proxy
        self._clock = clock
        self._until = clock() + crawl.timeout
        self._cuts = proxy.cuts
        self._frames = 0  # of the page's origin that had arrived
        self._frames_at = -math.inf  # when the last of them was seen to have
        self._format: TextFormat | None = None  # of a file that was shown as a text
        self._is_packed = False  # that file, so that its length says nothing
        self._other: OtherDocument | None = None
        self._is_still = False  # it runs no script, the reader's timers included

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())

    def _left_to_ask(self) -> float:
        """Return the seconds for questions, half of the grace kept for a picture of a page that used up its time."""
        return max(0.0, self._until + self._limits.grace / 2 - self._clock())

    async def run(self) -> Loaded:
        """Load, wait and read."""
        answer: Response | Failure | None
        try:
            answer = await self._goto()
        except PlaywrightTimeout:
            return await self._too_slow(self._detail())
        except PlaywrightError as error:
            if is_gone(error):
                raise
            answer = await self._goto_file() if DOWNLOAD in str(error) else goto_failure(str(error))
        if isinstance(answer, Failure):
            return await self._refused(answer)
        self._other = None if answer is None else other_document(answer.headers, self._format)
        self._is_still = answer is not None and runs_no_scripts(answer.headers)
        if failure := self._says_too_large(answer):
            return await self._refused(failure)
        status = answer.status if answer else None
        redirects = _hops(answer.request) if answer else 0
        waits = status_failure(status, self._crawl.expect.status) is None
        try:
            found, failure = await self._content(answer, waits=waits)
        except (PageHungError, UnreadableAnswerError, PlaywrightError) as error:
            failure = _unread(error)
            if isinstance(error, PlaywrightError) and failure.reason is not Reason.NAVIGATION:
                return await self._refused(failure)  # its document broke off
            return Loaded(status=status, redirects=redirects, final_url=self._page.url[:LONGEST_URL], failure=failure)
        if found.url.startswith(_ERROR_PAGE):
            return await self._refused(
                Failure(reason=Reason.NAVIGATION, detail="it went to a page that failed", retry=True)
            )
        if found.went_back:
            # That page may be another visit's.
            failure = Failure(reason=Reason.NAVIGATION, detail="it went back to a page before it", retry=False)
            return Loaded(status=status, redirects=redirects, final_url=found.url, failure=failure)
        found = replace(found, timings=self._proxy.timed(found.timings, found.url))
        # A script may have sent the browser elsewhere: the status is the one of the page that was read.
        status = (found.status if found.documents > 1 else status) or status
        return Loaded(
            status=status,
            redirects=redirects,
            final_url=found.url,
            found=found,
            failure=self._cut_off() or failure or self._missing(found, waits=waits),
            retry_after=None if answer is None else retry_after(answer.headers),
            headers={} if answer is None or found.documents > 1 else answer.headers,
            sound=found.is_parsed,
        )

    async def _is_cut(self, found: Reading, answer: Response | None) -> bool:
        """Tell whether a document is the beginning of one, and the browser can't know; asks again where it may be."""
        if (
            answer is None
            or found.went_back
            or found.is_whole
            or found.body == 0
            or not (found.encoding in COMPRESSED or self._is_packed)
        ):
            return False
        tail = await end_of_source(self._pooled.session, longest=LONGEST_TAIL)
        if tail is None or (self._other is None and ends_as_pages_do(tail)):
            return False
        cookies = await self._page.context.cookies(found.url)
        sent = [("Cookie", "; ".join(f"{one.get('name')}={one.get('value')}" for one in cookies))] if cookies else []
        sent += [(name, value) for name, value in answer.request.headers.items() if name in _SENT_AGAIN]
        again = Again(url=found.url, headers=tuple(sent), tail=tail, charset=found.charset)
        within = min(self._limits.parts_within, self._left() / 2)
        return await is_cut(again, self._proxy.gate, size=self._limits.size, within=within)

    def _detail(self) -> str:
        return f"not loaded within {self._crawl.timeout:g} s"

    def _says_too_large(self, answer: Response | None) -> Failure | None:
        length = None if answer is None else whole_number(answer.headers.get("content-length", ""))
        if length is None or length <= self._limits.size:
            return None
        return Failure(reason=Reason.TOO_LARGE, detail=f"{length} bytes", retry=False)

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
            self._format, self._is_packed = shown.format, shown.is_packed
            return answer

    async def _leave_same_document(self) -> None:
        """Empty a tab that shows another route of the page: going from one to the other would load nothing."""
        if "#" not in self._url or self._page.url.partition("#")[0] != self._url.partition("#")[0]:
            return
        try:
            async with asyncio.timeout(min(self._limits.empty, self._left())):
                await self._pooled.leave()
        except TimeoutError as error:
            raise TabHeldError(f"the page before {self._url} does not let its tab go") from error

    async def _goto(self) -> Response | None:
        """Navigate, until the document begins to arrive; a server that takes long is watched meanwhile."""
        await self._leave_same_document()
        loading = asyncio.ensure_future(self._page.goto(self._url, timeout=self._left() * 1000, wait_until="commit"))
        try:
            await asyncio.wait({loading}, timeout=min(self._limits.slow_after, self._left()))
            if not loading.done():
                await self._has_arrived()
                # The driver keeps the load's timeout; this one is for a driver that does not.
                await asyncio.wait({loading}, timeout=self._left_to_ask())
                if not loading.done():
                    raise BrowserHungError("the driver did not keep the timeout of a navigation")
            return await loading
        finally:
            loading.cancel()

    async def _content(self, answer: Response | None, *, waits: bool) -> tuple[Reading, Failure | None]:
        """Read the page, after what is done in one that is there; return why that failed, or is not all of it, too."""
        found = await self._read(waits=waits)
        if not waits or not found.is_parsed or not found.appeared:
            return found, None
        if self._before or self._crawl.scroll:
            if self._before is not None and (failure := await self._before(self._left())):
                return found, failure
            await self._scroll()
            found = await self._read(waits=waits)
        if await self._is_cut(found, answer):
            packed = f", {found.encoding}," if found.encoding else ""
            detail = f"the body of its answer{packed} ends before the document does"
            return found, Failure(reason=Reason.CONNECT, detail=detail, retry=True)
        return await self._with_frames(found), None

    async def _with_frames(self, found: Reading) -> Reading:
        if self._crawl.frames is not Frames.ALL or self._other is not None:
            return found
        try:
            return await with_other_frames(
                found, self._page, self._pooled.session, self._crawl, self._limits, within=self._left()
            )
        except TimeoutError:
            return replace(found, frames_left_out=found.frames_left_out + 1)

    async def _read(self, *, waits: bool) -> Reading:
        return await (self._read_still(waits=waits) if self._is_still else self._read_settled(waits=waits))

    async def _read_settled(self, *, waits: bool) -> Reading:
        """Read the page once its content is there, or its time is over. ``waits``: for what ``wait_for`` names.

        It is asked again when it went elsewhere meanwhile or is about to, when requests or frames are open that may
        still bring text, and when it needs parts that did not come so far. Frames that go on arriving are waited for,
        however many: a text without the rest of them would be told as a change. Raises ``PageHungError`` when it does
        not answer, or never stays long enough to be read.
        """
        settled = self._clock()  # when it is read although requests are open
        patience: float | None = self._limits.parts_within  # for its parts; None: for as long as the crawl allows
        is_first = True
        while True:
            rest = max(0.0, settled - self._clock())
            found = await self._asked(waits=waits, patience=patience, rest=rest)
            if found is None:
                continue
            if found.went_back or not self._left():
                return found
            if is_first:  # of what is left, half is for reading
                is_first, settled = False, self._clock() + min(self._crawl.settle.at_most, self._left() / 2)
            if self._is_on_its_way(found):
                if not await self._is_next_awaited(found):
                    return found
                is_first, patience = True, self._limits.parts_within  # of the next page
            elif not found.is_loaded and patience is not None and not self._is_there(found):
                patience = None
            elif self._are_frames_coming(found):
                settled, patience = self._clock() + self._still, None if patience is None else 0.0
            elif not (found.open or found.frames_open) or self._clock() >= settled:
                return found
            else:
                patience = None if patience is None else 0.0

    async def _read_still(self, *, waits: bool) -> Reading:
        """Read a page that runs no script as soon as its parts have arrived, or had time to: it never changes."""
        until = self._clock() + min(self._limits.parts_within, self._left() / 2)
        while True:
            found = await self._asked(waits=waits, patience=0.0, rest=0.0)
            is_there = found is not None and (found.is_loaded or (found.is_parsed and self._clock() >= until))
            if found is not None and (is_there or found.went_back or not self._left()):
                return found
            await asyncio.sleep(_AGAIN)

    async def _is_next_awaited(self, found: Reading) -> bool:
        """Wait until a page has gone to the next one; false where there is no time for that."""
        seconds = found.refresh or 0.0
        if seconds > self._left():
            return False
        await asyncio.sleep(seconds + _AGAIN)
        self._frames, self._frames_at = 0, -math.inf  # of the next page
        return True

    @property
    def _still(self) -> float:
        """Seconds without a new frame after which those that are open count as never coming."""
        return min(self._limits.parts_within, self._crawl.timeout / 4)

    def _are_frames_coming(self, found: Reading) -> bool:
        """Tell whether frames are open and others arrived not long ago: then these are only slower."""
        if found.frames_arrived > self._frames:
            self._frames, self._frames_at = found.frames_arrived, self._clock()
        return found.frames_open > 0 and self._clock() - self._frames_at < self._still

    async def _scroll(self) -> None:
        """Scroll down as the crawl says, and wait at each screen for what that loads; half of the time is for it."""
        settle, until = self._crawl.settle, self._clock() + self._left() / 2
        stuck = 0
        for _ in range(self._crawl.scroll):
            left = until - self._clock()
            if left <= 0 or stuck > 1:  # the end of a page may come twice: what it loads makes it longer
                return
            try:
                async with asyncio.timeout(left):
                    answer = await self._pooled.evaluate(source("scroll.js"))
                    stuck = 0 if answer.get("result", {}).get("value") is True else stuck + 1
                    await asyncio.sleep(max(settle.quiet, _SCROLLED))
                    await self._pooled.evaluate("0", rest=min(settle.at_most, left))
            except TimeoutError:
                return
            except PlaywrightError as error:
                if NAVIGATED.search(str(error)) is None:
                    raise
                return

    async def _asked(self, *, waits: bool, patience: float | None, rest: float) -> Reading | None:
        """Return a reading, or ``None`` when the page went elsewhere meanwhile. Raises ``PageHungError``."""
        try:
            return await self._ask(waits=waits, patience=patience, rest=rest)
        except TimeoutError as error:
            raise PageHungError("it did not answer the crawler in time") from error
        except PlaywrightError as error:
            if NAVIGATED.search(str(error)) is None:
                raise
            if await self._pooled.is_taken():
                raise self._held() from error
            if not self._left():
                raise PageHungError("it goes from page to page and never settles") from error
            await asyncio.sleep(_AGAIN)
            return None

    def _is_on_its_way(self, found: Reading) -> bool:
        """Tell whether the page goes elsewhere soon, by itself: what it shows until then is no content."""
        elsewhere = found.refresh_to.partition("#")[0] != found.url.partition("#")[0]
        return found.refresh is not None and found.refresh <= self._limits.refresh_within and elsewhere

    def _is_there(self, found: Reading) -> bool:
        """Tell whether the content of a page is there, parts of which never came: what the crawl names, or enough."""
        crawl = self._crawl
        if not found.is_parsed or not found.appeared or found.problems:
            return False
        if (wanted := crawl.expect.contains) is not None:
            return " ".join(wanted.split()) in " ".join(normalise(found.text or "").split())
        named = crawl.watch is not None or crawl.wait_for is not None or bool(crawl.extract)
        return len(normalise(found.text or "")) >= (1 if named else self._limits.enough)

    def _missing(self, found: Reading, *, waits: bool) -> Failure | None:
        """Return why a page that was read is not there all the same."""
        if not found.is_parsed or not (found.is_loaded or self._is_there(found) or not waits or not found.appeared):
            return Failure(reason=Reason.TIMEOUT, detail=self._detail(), retry=True)
        if waits and self._are_frames_coming(found):
            detail = f"{self._detail()}: {found.frames_open} of its frames had not come"
            return Failure(reason=Reason.TIMEOUT, detail=detail, retry=True)
        if self._is_on_its_way(found):
            detail = f"it goes to another page in {found.refresh:.0f} s, which `timeout` leaves no time for"
            return Failure(reason=Reason.TIMEOUT, detail=detail, retry=False)
        if not found.appeared:
            return Failure(reason=Reason.WAIT_FOR, detail=f"{self._crawl.wait_for!r} never appeared", retry=True)
        return None

    async def _ask(self, *, waits: bool, patience: float | None, rest: float) -> Reading:
        """Settle and read once. The page's URL is the browser's word, not the page's. Raises ``TimeoutError``.

        ``patience``: seconds for the parts, at most half of what is left; ``None``: all of that.
        """
        left = self._left()
        left -= min(_TO_ANSWER, left / 10)
        asked = question(
            self._crawl,
            load_within=left if patience is None else min(patience, left / 2),
            wait_within=(0.0 if self._is_still else left) if waits and self._crawl.wait_for is not None else None,
            settle_at_most=0.0 if self._is_still else min(self._crawl.settle.at_most, left),
            frames_within=min(rest, left / 2),
            other=self._other,
        )
        asking = asyncio.ensure_future(self._pooled.evaluate(asked, rest=rest))
        wait = self._limits.answer / 2
        try:
            async with asyncio.timeout(self._left_to_ask()):
                # It may wait as long as the crawl allows; meanwhile it answers whether it lives.
                while not (await asyncio.wait({asking}, timeout=self._crawl.settle.at_most + wait))[0]:
                    if not await self._pooled.answers(within=wait):
                        raise TimeoutError
                answer = await asking
        finally:
            asking.cancel()
        found = reading(answer, self._crawl, self._limits, url=self._page.url)
        if found.taken and self._pooled.visits:
            raise self._held()
        return found

    def _held(self) -> TabHeldError:
        return TabHeldError(f"the page before {self._url} goes elsewhere in their tab")

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
                request = await _last_navigation(self._page)
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
            if not self._pooled.is_clean and _TAKEN.search(failure.detail):
                raise self._held()
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
            found = await self._ask(waits=False, patience=0.0, rest=0.0)
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


async def _last_navigation(page: Page) -> Request | None:
    """Return the main document's last request, as the driver remembers it; it need not have been answered."""
    frame = page.main_frame
    return next((r for r in reversed(await page.requests()) if r.is_navigation_request() and r.frame == frame), None)
