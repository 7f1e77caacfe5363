"""Screenshots and HTML of a visit, kept as artifacts."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from trapline_common.config.models import CrawlConfig, Keep, Screenshot
from trapline_common.domain.ports import ArtifactStore
from trapline_common.platform.logging import get_logger
from trapline_crawler.visit.kept_artifacts import keep
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import Reading, source
from trapline_crawler.visit.painted_secrets import doubt
from trapline_crawler.visit.pooled_page import PooledPage
from trapline_crawler.visit.resolved_secrets import Resolved

_PASSWORDS = "input[type=password]"
_log = get_logger("crawler")
LONGEST_HTML = 8 * 1024 * 1024
"""Characters of HTML that a crawl with secrets keeps of a page; a longer one is not kept at all."""
REVEALED_WITHIN = 4.0
"""Seconds for what loads once a person is near it, before a picture of the full page."""
TALLEST = 16_384
"""CSS pixels. Chromium's compositor can't paint a taller picture, and no person would look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The artifacts that one visit left."""

    screenshot: str | None = None
    """Artifact key; ``None`` where the crawl wants none or the page could no longer give it."""
    html: str | None = None
    """Artifact key; ``None`` likewise."""
    note: str | None = None
    """What the picture lacks, in words; ``None``: nothing."""


async def keep_evidence(
    pooled: PooledPage,
    found: Reading | None,
    resolved: Resolved,
    *,
    failed: bool,
    store: ArtifactStore,
    limits: VisitLimits,
) -> Evidence:
    """Take what the crawl wants to keep of a page that still answers, and store it; ``found`` is how the page was read.

    No secret is in it (guarantee 8): password fields, and fields that a secret was filled into, are masked; a page that
    shows one anywhere else, or may show one, is not photographed. A missing artifact is logged, and does not fail the
    visit.
    """
    crawl, page = resolved.crawl, pooled.page
    picture = html = None
    try:
        async with asyncio.timeout(limits.evidence):
            if found is not None and crawl.screenshot is Screenshot.FULL_PAGE:
                await _reveal(pooled, within=min(REVEALED_WITHIN, limits.evidence / 2))
            if _wants_screenshot(crawl, failed=failed):
                picture = await _picture(page, found, resolved, seconds=limits.evidence)
            if crawl.html is Keep.ALWAYS or (failed and crawl.html is Keep.FAILURE):
                html = await asyncio.to_thread(_scrubbed, await page.content(), resolved)
    except (TimeoutError, PlaywrightError) as error:
        reason = resolved.scrub(str(error) or "no answer in time").split("\n", 1)[0]
        _log.info("evidence_missing", crawl=crawl.name, reason=reason)
    return Evidence(
        screenshot=None if picture is None else await keep(store, picture, suffix=".png", crawl=crawl.name),
        html=None
        if html is None
        else await keep(store, html.encode("utf-8", "replace"), suffix=".html", crawl=crawl.name),
        note=None if picture is None else _cut(found, crawl),
    )


async def _reveal(pooled: PooledPage, *, within: float) -> None:
    """Let the page load what it loads once a person is near it; a page that can't is photographed as it is."""
    asked = json.dumps({"most": TALLEST, "within": within * 1000})
    try:
        async with asyncio.timeout(within * 1.5):
            await pooled.evaluate(f"({source('reveal.js')})({asked})")
    except TimeoutError:
        _log.info("page_not_revealed", reason="it did not answer in time")


def _cut(found: Reading | None, crawl: CrawlConfig) -> str | None:
    if found is None or crawl.screenshot is not Screenshot.FULL_PAGE or found.height <= TALLEST:
        return None
    return f"the picture is cut at {TALLEST} of {found.height} pixels"


async def _picture(page: Page, found: Reading | None, resolved: Resolved, *, seconds: float) -> bytes | None:
    """Photograph a page that shows no secret, neither before nor after it was photographed."""
    if not resolved.finder:
        return await _photograph(page, found, resolved, seconds=seconds)
    why = await doubt(page, resolved)
    if why is None:
        picture = await _photograph(page, found, resolved, seconds=seconds)
        why = await doubt(page, resolved)
        if why is None:
            return picture
    _log.info("evidence_missing", crawl=resolved.crawl.name, reason=f"no screenshot: {why}")
    return None


def _scrubbed(html: str, resolved: Resolved) -> str | None:
    """Return HTML without secrets; ``None`` for so much of it that looking through it would cost too long."""
    if resolved.finder and len(html) > LONGEST_HTML:
        _log.info("evidence_missing", crawl=resolved.crawl.name, reason=f"HTML: more than {LONGEST_HTML} characters")
        return None
    return resolved.finder.scrub_html(html)


def _wants_screenshot(crawl: CrawlConfig, *, failed: bool) -> bool:
    return crawl.screenshot in {Screenshot.VIEWPORT, Screenshot.FULL_PAGE} or (
        failed and crawl.screenshot is Screenshot.FAILURE
    )


async def _photograph(page: Page, found: Reading | None, resolved: Resolved, *, seconds: float) -> bytes:
    masked = [frame.locator(f"css={selector}") for frame in page.frames for selector in _masked(resolved)]
    area = _area(found, resolved.crawl)
    return await page.screenshot(timeout=seconds * 1000, mask=masked, animations="disabled", caret="hide", **area)


def _masked(resolved: Resolved) -> list[str]:
    return [_PASSWORDS, *resolved.secret_fields]


def _area(found: Reading | None, crawl: CrawlConfig) -> dict[str, Any]:
    if found is None or crawl.screenshot is not Screenshot.FULL_PAGE:
        return {}
    if found.height <= TALLEST:
        return {"full_page": True}
    return {"full_page": True, "clip": {"x": 0, "y": 0, "width": crawl.viewport.width, "height": TALLEST}}
