"""Playwright's driver, started before a browser is asked for: its start takes as long as the crawler's imports."""

import asyncio
from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from trapline_crawler.browser.tab_meter import put_before_the_driver


class DriverAhead:
    """At most one driver, for the first launch of a process that has started no other; it ends with this process."""

    def __init__(self) -> None:
        self._starting: asyncio.Task[Playwright] | None = None

    def begin(self) -> None:
        """Let it start, on the running event loop."""
        put_before_the_driver()
        self._starting = asyncio.create_task(async_playwright().start(), name="driver ahead")

    def taken(self) -> "asyncio.Task[Playwright] | None":
        """Return the driver's start, once: the driver is the caller's from then on."""
        starting, self._starting = self._starting, None
        return starting

    async def close(self) -> None:
        """End it, if nobody took it."""
        starting = self.taken()
        if starting is not None:
            with suppress(PlaywrightError, OSError):  # it did not start, and nobody wanted it
                await (await starting).stop()
