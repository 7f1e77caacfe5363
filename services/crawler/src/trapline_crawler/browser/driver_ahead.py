"""Playwright's driver, started before a browser is asked for: beside the crawler's imports, or its first statements."""

import asyncio
from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from trapline_crawler.browser.tab_meter import put_before_the_driver


class DriverAhead:
    """At most one driver, for the first launch of an invocation, whose process has started no other by then."""

    def __init__(self) -> None:
        self._starting: asyncio.Task[Playwright] | None = None

    async def __aenter__(self) -> None:
        """Let it start."""
        self.begin()

    async def __aexit__(self, *_: object) -> None:
        """End it, if nobody took it."""
        await self.close()

    def begin(self) -> None:
        """Let it start, on the running event loop, unless it has begun to."""
        if self._starting is not None:
            return
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
