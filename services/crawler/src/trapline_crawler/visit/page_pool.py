"""One browser context and the pages in it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.cookie_jar import cookies_of, put_cookies
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import source


@dataclass(kw_only=True, eq=False)
class PooledPage:
    """One page, used by one visit at a time. No slots: Playwright keeps its own marks on the owner of a listener."""

    page: Page
    """Playwright's handle of the page."""
    visits: int = 0
    """Visits made in it so far."""
    crashed: bool = False
    """Whether its renderer died."""
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    """Windows being closed; asyncio itself keeps no task alive."""

    def listen(self) -> None:
        """Note a crash, and close every window that the page opens. Neither costs a good page anything."""
        self.page.on("crash", self._on_crash)
        self.page.on("popup", self._on_popup)

    def _on_crash(self, _page: Page) -> None:
        self.crashed = True

    def _on_popup(self, popup: Page) -> None:
        popup.on("popup", self._on_popup)
        task = asyncio.ensure_future(_close_quietly(popup))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close_quietly(page: Page) -> None:
    with suppress(PlaywrightError):  # closed already, with its opener or with the context
        await page.close()


class PagePool:
    """One browser context with the pages that visits share one after another.

    Every error of Playwright, and ``BrowserHungError``, goes to the caller, who asks the browser what it means.
    """

    def __init__(self, live: LiveBrowser, proxy: ContextProxy, context: BrowserContext, limits: VisitLimits) -> None:
        self.live = live
        self.proxy = proxy
        self.context = context
        self._limits = limits
        self._idle: list[PooledPage] = []
        self.in_use = 0  # pages that a visit has now

    @staticmethod
    async def open(
        live: LiveBrowser, crawl: CrawlConfig, limits: VisitLimits, state: Mapping[str, Any] | None = None
    ) -> "PagePool":
        """Open a context as the crawl describes it. ``state`` is what ``state`` returned before."""
        options: dict[str, Any] = {} if crawl.user_agent is None else {"user_agent": crawl.user_agent}
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
        await bounded(context.add_init_script(source("init.js")), limits.open, "init script")
        pool = PagePool(live, proxy, context, limits)
        if state and state.get("cookies"):
            pooled = await pool.take()
            await bounded(put_cookies(pooled.page, state["cookies"]), limits.open, "cookies of a checkpoint")
            await pool.give_back(pooled, reusable=True)
        return pool

    async def take(self) -> PooledPage:
        """Return an idle page, or a new one; it is the caller's alone until ``give_back``."""
        self.in_use += 1
        if self._idle:
            return self._idle.pop()
        try:
            pooled = PooledPage(page=await bounded(self.context.new_page(), self._limits.open, "new page"))
        except BaseException:
            self.in_use -= 1
            raise
        pooled.listen()
        return pooled

    async def give_back(self, pooled: PooledPage, *, reusable: bool) -> None:
        """Keep the page for the next visit; close it when it is not reusable or has had its share of visits."""
        self.in_use -= 1
        pooled.visits += 1
        if reusable and not pooled.crashed and pooled.visits < self._limits.visits_per_page:
            self._idle.append(pooled)
            return
        await bounded(_close_quietly(pooled.page), self._limits.close, "close of a page")

    async def state(self) -> dict[str, Any]:
        """Return cookies and local storage, as JSON can hold them."""
        stored = await bounded(self.context.storage_state(), self._limits.evidence, "storage state")
        pooled = await self.take()
        cookies = await bounded(cookies_of(pooled.page), self._limits.evidence, "cookies for a checkpoint")
        await self.give_back(pooled, reusable=True)
        return {"cookies": cookies, "origins": stored.get("origins", [])}

    async def close(self) -> None:
        """Close the context with all its pages."""
        try:
            await bounded(self.context.close(), self._limits.close, "close of a context")
        finally:
            await self.live.proxies.close_one(self.proxy)
