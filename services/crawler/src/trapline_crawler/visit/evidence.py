"""Screenshots and HTML of a visit, kept as artifacts."""

import asyncio
import json
from dataclasses import dataclass

from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig, Keep, Screenshot
from trapline_common.domain.picture import Picture
from trapline_common.domain.ports import ArtifactStore
from trapline_common.platform.logging import get_logger
from trapline_crawler.visit.kept_artifacts import keep
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import Reading, source
from trapline_crawler.visit.painted_secrets import doubt
from trapline_crawler.visit.pooled_page import PooledPage
from trapline_crawler.visit.resolved_secrets import Resolved
from trapline_crawler.visit.shot import TALLEST, Shot, take_shot

_log = get_logger("crawler")
LONGEST_HTML = 8 * 1024 * 1024
"""Characters of HTML that a crawl with secrets keeps of a page; a longer one is not kept at all."""
REVEALED_WITHIN = 4.0
"""Seconds for what loads once a person is near it, before a picture of the full page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The artifacts that one visit left."""

    screenshot: str | None = None
    """Artifact key; ``None`` where the crawl wants none or the page could no longer give it."""
    html: str | None = None
    """Artifact key; ``None`` likewise."""
    picture: Picture | None = None
    """What a later comparison needs of the screenshot; ``None``: its crawl compares none."""
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
    shot = html = why = None
    try:
        async with asyncio.timeout(limits.evidence):
            if found is not None and crawl.screenshot is Screenshot.FULL_PAGE:
                await _reveal(pooled, within=min(REVEALED_WITHIN, limits.evidence / 2))
            if _wants_screenshot(crawl, failed=failed):
                height = None if found is None else found.height
                shot, why = await _picture(pooled, height, resolved, failed=failed, seconds=limits.evidence)
            if crawl.html is Keep.ALWAYS or (failed and crawl.html is Keep.FAILURE):
                html = await asyncio.to_thread(_scrubbed, await page.content(), resolved)
    except (TimeoutError, PlaywrightError) as error:
        why = resolved.scrub(str(error) or "no answer in time").split("\n", 1)[0]
        _log.info("evidence_missing", crawl=crawl.name, reason=why)
    return Evidence(
        screenshot=None if shot is None else await keep(store, shot.data, suffix=".png", crawl=crawl.name),
        picture=None if shot is None else shot.picture,
        html=None
        if html is None
        else await keep(store, html.encode("utf-8", "replace"), suffix=".html", crawl=crawl.name),
        note=_note(shot, crawl, why, failed=failed),
    )


def _note(shot: Shot | None, crawl: CrawlConfig, why: str | None, *, failed: bool) -> str | None:
    if shot is not None:
        return shot.note
    if crawl.visual is None or failed:
        return None
    return f"there is no picture, so none was compared: {why}"


async def _reveal(pooled: PooledPage, *, within: float) -> None:
    """Let the page load what it loads once a person is near it; a page that can't is photographed as it is."""
    asked = json.dumps({"most": TALLEST, "within": within * 1000})
    try:
        async with asyncio.timeout(within * 1.5):
            await pooled.evaluate(f"({source('reveal.js')})({asked})")
    except TimeoutError:
        _log.info("page_not_revealed", reason="it did not answer in time")


async def _picture(
    pooled: PooledPage, height: int | None, resolved: Resolved, *, failed: bool, seconds: float
) -> tuple[Shot | None, str | None]:
    """Photograph a page that shows no secret, neither before nor after it was photographed; say why there is none."""
    page = pooled.page
    why = await doubt(page, resolved) if resolved.finder else None
    if why is None:
        shot = await take_shot(pooled, resolved, height=height, failed=failed, seconds=seconds)
        why = await doubt(page, resolved) if resolved.finder else None
        if why is None:
            return shot, None
    _log.info("evidence_missing", crawl=resolved.crawl.name, reason=f"no screenshot: {why}")
    return None, why


def _scrubbed(html: str, resolved: Resolved) -> str | None:
    """Return HTML without secrets; ``None`` for so much of it that looking through it would cost too long."""
    if resolved.finder and len(html) > LONGEST_HTML:
        _log.info("evidence_missing", crawl=resolved.crawl.name, reason=f"HTML: more than {LONGEST_HTML} characters")
        return None
    return resolved.finder.scrub_html(html)


def _wants_screenshot(crawl: CrawlConfig, *, failed: bool) -> bool:
    return crawl.screenshot not in {Screenshot.NEVER, Screenshot.FAILURE} or (
        failed and crawl.screenshot is Screenshot.FAILURE
    )
