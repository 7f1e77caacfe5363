"""Screenshots and HTML of a visit, kept as artifacts."""

import asyncio
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from trapline_common.config.models import CrawlConfig, Keep, Screenshot
from trapline_common.ports import ArtifactStore
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.script import Reading
from trapline_crawler.visit.secret_values import Resolved

TALLEST = 16_384
"""CSS pixels. Chromium's compositor can't paint a taller picture, and a person would not look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Artifact keys, ``None`` where nothing was asked for or the page could no longer give it; then ``problem`` says why."""

    screenshot: str | None = None
    html: str | None = None
    problem: str | None = None


async def gather(
    page: Page, found: Reading, resolved: Resolved, *, failed: bool, store: ArtifactStore, limits: VisitLimits
) -> Evidence:
    """Take what the crawl wants to keep of a page that still answers, and store it.

    A page that won't be photographed does not fail its visit. Raises ``TransientError`` when the store can't be reached.
    """
    crawl = resolved.crawl
    picture = html = problem = None
    try:
        async with asyncio.timeout(limits.evidence):
            if _wants_screenshot(crawl, failed=failed):
                full = crawl.screenshot is Screenshot.FULL_PAGE
                picture = await page.screenshot(timeout=limits.evidence * 1000, **_area(found, crawl, full=full))
            if crawl.html is Keep.ALWAYS or (failed and crawl.html is Keep.FAILURE):
                html = await page.content()
    except (TimeoutError, PlaywrightError) as error:
        problem = resolved.scrub(str(error).split("\n", 1)[0] or "no answer in time")
    return Evidence(
        screenshot=None if picture is None else await store.put(picture, suffix=".png"),
        html=None if html is None else await store.put(resolved.scrub(html).encode("utf-8", "replace"), suffix=".html"),
        problem=problem,
    )


def _wants_screenshot(crawl: CrawlConfig, *, failed: bool) -> bool:
    return crawl.screenshot in {Screenshot.VIEWPORT, Screenshot.FULL_PAGE} or (
        failed and crawl.screenshot is Screenshot.FAILURE
    )


def _area(found: Reading, crawl: CrawlConfig, *, full: bool) -> dict[str, Any]:
    if not full:
        return {}
    if found.height <= TALLEST:
        return {"full_page": True}
    return {"full_page": True, "clip": {"x": 0, "y": 0, "width": crawl.viewport.width, "height": TALLEST}}
