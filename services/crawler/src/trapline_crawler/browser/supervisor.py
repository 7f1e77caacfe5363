"""Supervises the browser of one invocation: launched when it is first needed, replaced when it died or hung."""

import asyncio
from collections.abc import Callable, Mapping

from playwright.async_api import Error as PlaywrightError

from trapline_crawler.browser.errors import (
    BrowserDiedError,
    BrowserFaultError,
    BrowserHungError,
    PageCrashedError,
)
from trapline_crawler.browser.find import BrowserChoice
from trapline_crawler.browser.launch import BrowserLimits, LiveBrowser, launch, stop
from trapline_crawler.browser.profiles import MACHINE, Profile
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.proxy.browser_proxies import BrowserProxies


class Browser:
    """At most one browser at a time. After ``close`` no process and no file of any of its browsers is left.

    The event loop that launches it must be the one that uses and closes it. ``proxies`` makes each browser's proxies.
    """

    def __init__(
        self,
        choice: BrowserChoice,
        *,
        environ: Mapping[str, str],
        proxies: Callable[[], BrowserProxies],
        limits: BrowserLimits | None = None,
        profile: Profile = MACHINE,
    ) -> None:
        self._choice = choice
        self._environ = environ
        self._proxies = proxies
        self._limits = limits or BrowserLimits()
        self._profile = profile
        self._changing = asyncio.Lock()
        self._live: LiveBrowser | None = None
        self.launches = 0

    async def ready(self) -> LiveBrowser:
        """Return the running browser, launched now if there is none or if the last one died.

        Raises ``BrowserLaunchError`` and ``BrowserHungError``.
        """
        live = self._live
        if live is not None and live.browser.is_connected():
            return live
        async with self._changing:
            if self._live is not None and not self._live.browser.is_connected():
                await self._stop(self._live)
            if self._live is None:
                self._live = await launch(
                    self._choice,
                    environ=self._environ,
                    proxies=self._proxies(),
                    limits=self._limits,
                    profile=self._profile,
                )
                self.launches += 1
            return self._live

    async def kill(self, live: LiveBrowser) -> None:
        """Kill ``live`` with everything it started, unless that was done already; the next ``ready`` launches anew."""
        async with self._changing:
            if self._live is live:
                await self._stop(live)

    async def close(self) -> None:
        """Kill the browser, which is its ordinary end: there is nothing in it to save, and it takes 0.1 s."""
        async with self._changing:
            if self._live is not None:
                await self._stop(self._live)

    async def _stop(self, live: LiveBrowser) -> None:
        try:
            await asyncio.shield(stop(live, self._limits))
        finally:
            self._live = None

    async def fault(self, live: LiveBrowser, error: PlaywrightError | BrowserHungError) -> BrowserFaultError:
        """Ask the browser whether it lives, and return what an error that no page explains means.

        A browser that is dead or does not answer is killed first, so that the next visit gets another one.
        """
        first = str(error).split("\n", 1)[0]
        if isinstance(error, BrowserHungError):
            await self.kill(live)
            return error
        return await self.examine(live, because=first) or PageCrashedError(f"the page's renderer died: {first}")

    async def examine(self, live: LiveBrowser, *, because: str) -> BrowserFaultError | None:
        """Ask the browser whether it lives. If it is dead or does not answer, kill it and return the error to raise."""
        try:
            session = await bounded(live.browser.new_browser_cdp_session(), self._limits.probe, "probe")
            await bounded(session.send("Browser.getVersion"), self._limits.probe, "probe")
            await bounded(session.detach(), self._limits.probe, "probe")
        except PlaywrightError:
            await self.kill(live)
            return BrowserDiedError(f"the browser died: {because}")
        except BrowserHungError as hung:
            await self.kill(live)
            return hung
        return None
