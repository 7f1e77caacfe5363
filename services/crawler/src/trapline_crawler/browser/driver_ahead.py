"""Playwright's driver, there before a browser is asked for: started beside other work, or kept from the call before."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from trapline_crawler.browser.tab_meter import put_before_the_driver

Starter = Callable[[Coroutine[Any, Any, Playwright]], "asyncio.Task[Playwright]"]


class DriverAhead:
    """At most one driver, for the next launch.

    ``keep``: starts a driver so that it outlives the call (``KeptLoop.keep``); then a browser that has ended gives its
    driver back, for the next call. Without it each driver ends with its browser, and with the call if none took it.
    """

    def __init__(self, keep: Starter | None = None) -> None:
        self._keep = keep
        self._there: asyncio.Future[Playwright] | None = None

    async def __aenter__(self) -> None:
        """Let it start."""
        self.begin()

    async def __aexit__(self, *_: object) -> None:
        """End it, if nobody took it and it is not kept."""
        if self._keep is None:
            await self.close()

    @property
    def keeps(self) -> bool:
        """Whether it takes drivers back."""
        return self._keep is not None

    @property
    def waits(self) -> bool:
        """Whether there is one, or has begun to start."""
        return self._there is not None

    def begin(self) -> None:
        """Let it start, on the running event loop, unless it has begun to."""
        if self._there is not None:
            return
        put_before_the_driver()
        self._there = (self._keep or asyncio.create_task)(async_playwright().start())

    def taken(self) -> "asyncio.Future[Playwright]":
        """Return the driver, or its start, which begins now if it has not: it is the caller's from then on."""
        self.begin()
        there, self._there = self._there, None
        assert there is not None, "it has begun"
        return there

    def give_back(self, driver: Playwright) -> bool:
        """Have the driver of a browser that has ended wait for the next; ``False``: it is the caller's to end."""
        if self._keep is None or self._there is not None:
            return False
        self._there = asyncio.get_running_loop().create_future()
        self._there.set_result(driver)
        return True

    async def close(self) -> None:
        """End it, if nobody took it."""
        there, self._there = self._there, None
        if there is not None:
            with suppress(PlaywrightError, OSError):  # it did not start, and nobody wanted it
                await (await there).stop()
