"""A time limit for every await on the browser."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from trapline_crawler.browser.errors import BrowserHungError

T = TypeVar("T")


async def bounded(awaitable: Awaitable[T], seconds: float, what: str) -> T:
    """Await for at most ``seconds``; then raise ``BrowserHungError``, which names what did not answer."""
    try:
        async with asyncio.timeout(seconds):
            return await awaitable
    except TimeoutError as error:
        raise BrowserHungError(f"the browser did not answer within {seconds:g} s: {what}") from error
