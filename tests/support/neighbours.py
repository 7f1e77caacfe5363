"""One hostile page and nine good ones in one browser: what became of each, and how long all of it took."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from trapline_common.domain.observation import Observation
from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.visit.visitor import BrowserVisitor

from .crawling import crawl
from .hostile_pages import GOOD

TIMEOUT = 6.0
"""Seconds of a visit's time-out beside a hostile page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What ten visits gave that were made together."""

    hostile: str
    """How the hostile page's visit ended, in words."""
    harmed: tuple[str, ...]
    """The good pages that are not good, each with what became of it."""
    seconds: float
    """From the first visit's start to the last one's end."""
    hostile_seconds: float
    """The hostile page's visit alone."""


async def visit_together(
    visitor: BrowserVisitor, origin: str, hostile: str, *, isolation: str, in_flight: int, timeout: float = TIMEOUT
) -> Together:
    """Visit the page ``hostile`` and every page of ``GOOD``, the hostile one first, ``in_flight`` at once."""
    config = crawl(isolation=isolation, timeout=timeout, screenshot="never")
    left = iter([hostile, *GOOD])
    found: dict[str, str | None] = {}
    took: dict[str, float] = {}

    async def work() -> None:
        for path in left:
            start = time.monotonic()
            found[path] = await _outcome(visitor.visit(origin + path, config))
            took[path] = time.monotonic() - start

    start = time.monotonic()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return Together(
        hostile=found[hostile] or "good",
        harmed=tuple(f"{path}: {found[path]}" for path in GOOD if found[path] is not None),
        seconds=time.monotonic() - start,
        hostile_seconds=took[hostile],
    )


async def good_alone(visitor: BrowserVisitor, origin: str, *, isolation: str, in_flight: int, rounds: int = 2) -> float:
    """Return the seconds that the good pages and one more take without a hostile one; the last of some rounds."""
    together = [
        await visit_together(visitor, origin, "/good?0", isolation=isolation, in_flight=in_flight)
        for _ in range(rounds)
    ]
    return together[-1].seconds


async def _outcome(visit: Coroutine[Any, Any, Observation]) -> str | None:
    """Return why a visit is not good; ``None`` for a good one."""
    try:
        observation = await visit
    except BrowserFaultError as fault:
        return f"charged: {type(fault).__name__}: {fault}"
    return None if observation.failure is None else str(observation.failure)
