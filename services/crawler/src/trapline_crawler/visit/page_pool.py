"""One browser context and the pages in it."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.tab_meter import check, leave_for_blank, wipe
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.cookie_jar import cookies_of, put_cookies
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.pooled_page import PooledPage, close_quietly


class PagePool:
    """One browser context with the pages that visits share one after another.

    Every error of Playwright, and ``BrowserHungError``, goes to the caller, who asks the browser what it means.
    """

    def __init__(
        self,
        live: LiveBrowser,
        proxy: ContextProxy,
        context: BrowserContext,
        limits: VisitLimits,
        *,
        shared: bool,
        room: bool,
    ) -> None:
        self.live = live
        self.shared = shared
        self.room = room
        self.proxy = proxy
        self.context = context
        self._limits = limits
        self._idle: list[PooledPage] = []
        self._known: set[Page] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = 0  # pages of the pool's own that are being opened
        self.in_use = 0  # pages that a visit has now

    @staticmethod
    async def open(
        live: LiveBrowser,
        crawl: CrawlConfig,
        limits: VisitLimits,
        state: Mapping[str, Any] | None = None,
        *,
        shared: bool = False,
        room: bool = False,
    ) -> "PagePool":
        """Open a context as the crawl describes it. ``state`` is what ``state`` returned before.

        ``shared``: for visits that are in it together. ``room``: for one visit after the other, wiped in between.
        """
        named = {"user_agent": crawl.user_agent, "locale": crawl.locale, "timezone_id": crawl.browser_timezone}
        options: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        if crawl.ignore_tls_errors:
            options["ignore_https_errors"] = True
        if crawl.visual is not None:
            options["reduced_motion"] = "reduce"
        proxy = await live.proxies.open()
        proxy.allow(limits.size)
        context = await bounded(
            live.browser.new_context(
                **proxy.context_options(),
                viewport={"width": crawl.viewport.width, "height": crawl.viewport.height},
                accept_downloads=False,
                service_workers="block",
                storage_state={"cookies": [], "origins": (state or {}).get("origins", [])},
                **options,
            ),
            limits.open,
            "new context",
        )
        pool = PagePool(live, proxy, context, limits, shared=shared, room=room)
        if state and state.get("cookies"):
            pooled = await pool.take()
            await bounded(put_cookies(pooled.page, state["cookies"]), limits.open, "cookies of a checkpoint")
            await pool.give_back(pooled, reusable=True)
        return pool

    async def take(self) -> PooledPage:
        """Return an idle page, or a new one; it is the caller's alone until ``give_back``."""
        self.in_use += 1
        while self._idle:
            pooled = next((one for one in self._idle if one.is_clean), self._idle[-1])
            self._idle.remove(pooled)
            if not pooled.ended.done() and not pooled.page.is_closed():
                return pooled
        self._opening += 1
        try:
            pooled = await bounded(self._open_page(), self._limits.open, "new page")
        except BaseException:
            self.in_use -= 1
            raise
        finally:
            self._opening -= 1
        self._known.add(pooled.page)
        return pooled

    async def _open_page(self) -> PooledPage:
        return await PooledPage.open(await self.context.new_page(), self._limits)

    async def give_back(self, pooled: PooledPage, *, reusable: bool) -> None:
        """Keep the page for the next visit; close it when it is not reusable or has had its share of visits."""
        pooled.visits += 1
        pooled.is_clean = False
        try:
            if reusable and not pooled.ended.done() and pooled.visits < self._limits.visits_per_page:
                self._idle.append(pooled)
                if not self.room:
                    self._beside(self._empty_soon(pooled, pooled.visits))
                    self._beside(self._collect_soon(pooled))
                return
            if not self.room:  # a room ends as a whole
                self._known.discard(pooled.page)
                await close_quietly(pooled.page)
        finally:
            self.leave()

    @property
    def unfit(self) -> str | None:
        """Why a room must be closed, as far as that is known without asking; ``None``: a wipe may be enough."""
        if len(self._idle) != 1 or self.in_use:
            return "its visit was not sound"
        if len(self.context.pages) != 1:
            return "it has more than one page"
        return self._idle[0].lasting

    async def wipe(self) -> str | None:
        """Wipe all that the last visit left in a room; return why it must be closed instead.

        The order counts: the page's scripts end, then its connections, and then what they may have left is cleared.
        """
        if self.unfit is not None:
            return self.unfit
        (pooled,) = self._idle
        try:
            async with asyncio.timeout(self._limits.wipe):
                if (why := await leave_for_blank(pooled.session)) is not None:
                    return why
                self.proxy.cut()
                why = await wipe(pooled.session)
                if why is None:
                    await pooled.collect_garbage(every=self._limits.wipes_per_collection)
        except (TimeoutError, PlaywrightError) as error:
            return f"it could not be wiped: {type(error).__name__}"
        pooled.is_clean = why is None
        return why or self.unfit

    async def still_clean(self) -> bool:
        """Return whether nothing has come into a wiped room since."""
        if self.unfit is not None:
            return False
        try:
            async with asyncio.timeout(self._limits.wipe):
                return await check(self._idle[0].session) is None
        except (TimeoutError, PlaywrightError):
            return False

    async def _empty_soon(self, pooled: PooledPage, visits: int) -> None:
        """Empty a page that no other visit took at once: that visit's own navigation would have emptied it."""
        await asyncio.sleep(self._limits.linger)
        if pooled not in self._idle or pooled.visits != visits:
            return
        self._idle.remove(pooled)
        if await self._emptied(pooled):
            pooled.is_clean = True
            self._idle.append(pooled)
        else:
            self._known.discard(pooled.page)
            await close_quietly(pooled.page)

    async def _collect_soon(self, pooled: PooledPage) -> None:
        """Beside the next visit, which may have taken the page: a collection takes milliseconds."""
        with suppress(PlaywrightError):  # it was closed meanwhile
            await pooled.collect_garbage(every=self._limits.visits_per_collection)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave(self) -> None:
        """End a visit's use of a page. With nobody in it, whatever is still on its way in this context is nobody's."""
        self.in_use -= 1
        if not self.in_use:
            self.proxy.allow(0)

    async def _emptied(self, pooled: PooledPage) -> bool:
        """Leave for a blank page; return whether the page did in time. Windows that nobody opened are closed."""
        try:
            async with asyncio.timeout(self._limits.empty):
                await pooled.leave()
                await self._close_strays()
        except (TimeoutError, PlaywrightError):
            return False
        return not pooled.ended.done()

    async def _close_strays(self) -> None:
        """Close windows that a page opened without being their opener; a visit's own windows close as they come."""
        if not self._opening:
            for page in self.context.pages:
                if page not in self._known:
                    await close_quietly(page)

    async def state(self) -> dict[str, Any]:
        """Return cookies and local storage, as JSON can hold them."""
        self.proxy.allow(self._limits.size)
        stored = await bounded(self.context.storage_state(), self._limits.evidence, "storage state")
        pooled = await self.take()
        cookies = await bounded(cookies_of(pooled.page), self._limits.evidence, "cookies for a checkpoint")
        await self.give_back(pooled, reusable=True)
        return {"cookies": cookies, "origins": stored.get("origins", [])}

    def shut(self) -> None:
        """End the context's connections and refuse new ones: nothing of it is on the network from now on."""
        self.proxy.shut()

    async def close(self) -> None:
        """Close the context with all its pages, and then its proxy: no other program gets its port before."""
        for task in self._tasks:
            task.cancel()
        await self.context.close()
        await self.live.proxies.close_one(self.proxy)
