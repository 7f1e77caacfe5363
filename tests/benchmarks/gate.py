"""What the gate costs: the crawler's own visitor with it and without it, in interleaved pairs on the same pages."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.table import spread, table
from tests.support.manual import find_manual, page_urls, serve
from tools.shell import ToolError, say
from trapline_common.config.models import CrawlConfig
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.visitor import BrowserVisitor

IN_FLIGHT = 3
"""Pages at once: the default of ``pages_in_flight``."""
ISOLATIONS = ("clean", "crawl", "page")
"""Every form of ``isolation``, the default first."""
MOST = 0.05
"""What the project allows the gate to cost."""


class _WayAround(ContextProxy):
    """A proxy that no browser uses: the browser dials by itself, as it would without a gate."""

    async def open(self) -> None:
        """Listen nowhere."""

    def context_options(self) -> dict[str, Any]:
        """Return no proxy."""
        return {}


class NoProxies(BrowserProxies):
    """What the product never has: a browser without a gate."""

    def switches(self) -> tuple[str, ...]:
        """Return none."""
        return ()

    async def open(self) -> ContextProxy:
        """Return a way around."""
        return _WayAround(self._gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Pages/s of one isolation, measured right after one another."""

    isolation: str
    gated: float
    direct: float


def measure(folder: Path, *, pages: int, pairs: int) -> list[Pair]:
    """Crawl ``pages`` pages of a real manual, ``pairs`` times each way and isolation.

    Raises ``ToolError`` on a failed visit.
    """
    manual = find_manual()
    say(f"gate: {pages} pages of {manual.source}, {IN_FLIGHT} in flight, one process")
    with serve(manual) as base:
        return asyncio.run(_measure(folder, page_urls(manual, base, pages), pairs))


async def _measure(folder: Path, urls: Sequence[str], pairs: int) -> list[Pair]:
    gate = Gate(policy=AddressPolicy(allow_private=(ip_network("127.0.0.0/8"),)))
    choice = find_browser(None)
    browsers = {
        proxies: Browser(choice, environ=os.environ, proxies=partial(proxies, gate))
        for proxies in (BrowserProxies, NoProxies)
    }
    found = []
    try:
        for isolation in ISOLATIONS:
            crawl = CrawlConfig.model_validate({"name": "manual", "isolation": isolation, "screenshot": "never"})
            for number in range(-1, pairs):
                order = (BrowserProxies, NoProxies) if number % 2 else (NoProxies, BrowserProxies)
                speeds = {proxies: await _lap(browsers[proxies], folder, urls, crawl) for proxies in order}
                pair = Pair(isolation=isolation, gated=speeds[BrowserProxies], direct=speeds[NoProxies])
                if number >= 0:  # the pair before the first warms everything up
                    say(f"  {isolation:<6} pair {number + 1:<3} {pair.gated:6.1f} / {pair.direct:6.1f} pages/s")
                    found.append(pair)
    finally:
        await asyncio.gather(*(browser.close() for browser in browsers.values()))
    return found


async def _lap(browser: Browser, folder: Path, urls: Sequence[str], crawl: CrawlConfig) -> float:
    """Return pages/s."""
    visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=LocalSecrets({}, folder))
    left = iter(urls)

    async def work() -> None:
        for url in left:
            found = await visitor.visit(url, crawl)
            if found.failure is not None:
                raise ToolError(f"{url}: {found.failure}")

    start = time.monotonic()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    took = time.monotonic() - start
    await visitor.rooms.closed()
    for context in (await browser.ready()).browser.contexts:
        await context.close()  # the browser itself is for the next lap
    return len(urls) / took


def ratios(pairs: Sequence[Pair], isolation: str) -> list[float]:
    """Return gated divided by direct, pair by pair."""
    return [pair.gated / pair.direct for pair in pairs if pair.isolation == isolation]


def report(pairs: Sequence[Pair]) -> str:
    """Return the table."""
    rows = [
        [
            f"isolation: {isolation}",
            spread([pair.gated for pair in pairs if pair.isolation == isolation]),
            spread([pair.direct for pair in pairs if pair.isolation == isolation]),
            spread(ratios(pairs, isolation), 3),
            f">= {1 - MOST}",
        ]
        for isolation in ISOLATIONS
    ]
    return table("What the gate costs", ["median of pairs (range)", "with, pages/s", "without", "ratio", "asked"], rows)


def as_json(pairs: Sequence[Pair]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {
        "pairs": [asdict(pair) for pair in pairs],
        "ratios": {isolation: median(ratios(pairs, isolation)) for isolation in ISOLATIONS},
    }
