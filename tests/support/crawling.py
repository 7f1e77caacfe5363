"""Parts that tests of the crawler's browser share: short limits, known secrets, a crawl with defaults."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trapline_common.config.fields import FROZEN
from trapline_common.config.models import CrawlConfig
from trapline_common.egress.gate import Gate
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.launch import BrowserLimits
from trapline_crawler.browser.profiles import MACHINE, Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.visit.limits import VisitLimits

from .gates import loopback_gate

LIMITS = VisitLimits(size=20_000_000, slow_after=0.5, answer=2.0, open=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecrets:
    """Resolves the names it was given."""

    values: dict[str, str] = field(default_factory=dict)
    """By name."""

    async def resolve(self, name: str) -> str:
        """Return the value; ``KeyError`` when there is none."""
        return self.values[name]


def new_browser(*, profile: Profile = MACHINE, gate: Gate | None = None, **limits: Any) -> Browser:
    """Return a browser that is not launched yet."""
    return Browser(
        find_browser(None),
        environ=os.environ,
        proxies=lambda: BrowserProxies(gate or loopback_gate()),
        limits=BrowserLimits(**limits),
        profile=profile,
    )


def crawl(**values: Any) -> CrawlConfig:
    """Return a crawl with a short ``timeout`` and settle, as a run froze it: an older release checked less."""
    return CrawlConfig.model_validate(
        {"name": "demo", "timeout": 20, "settle": {"quiet": 0.05}} | values, context=FROZEN
    )


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Return as soon as ``condition`` holds, looking 50 times a second; ``TimeoutError`` when it never does."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (the process table and a server's log send no events)
            await asyncio.sleep(0.02)


def exist(paths: Iterable[str]) -> list[str]:
    """Return which of the paths exist."""
    return [path for path in paths if Path(path).exists()]


def proc(pid: int, name: str) -> bytes:
    """Return a file of a process's folder in /proc."""
    return Path(f"/proc/{pid}/{name}").read_bytes()
