"""A picture of a page: of its window, of all of it, or of one element; held still where pictures are compared."""

import asyncio
import struct
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import Page

from trapline_common.config.models import CrawlConfig, ElementShot, Screenshot, Visual
from trapline_common.config.visual import picture_fingerprint
from trapline_common.domain.picture import Box, Picture
from trapline_crawler.visit.picture_place import Places, measure, prepare
from trapline_crawler.visit.pooled_page import PooledPage
from trapline_crawler.visit.resolved_secrets import Resolved

TALLEST = 16_384
"""CSS pixels. Chromium's compositor can't paint a taller picture, and no person would look at it."""
WIDEST = 10_000
"""CSS pixels of an element's picture; the widest window that a crawl may have."""
MOST_SHOTS = 3
"""Shots of a page that does not hold still, before its picture counts as unstable."""
_BETWEEN = 0.05
"""Seconds between two shots: what moves needs a frame to be seen moving."""
_PAINT = "#808080"
"""What ignored elements are painted over with; ``pictures.decode`` paints the same."""
_PASSWORDS = "input[type=password]"
_SIZE = struct.Struct(">II")
_SIZE_AT = 16
"""Where a PNG has its size: behind its magic, and the length and name of its first chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture."""

    data: bytes
    """A PNG."""
    picture: Picture | None = None
    """What a later comparison needs of it; ``None``: its crawl compares none, or its visit failed."""
    note: str | None = None
    """What it lacks, in words."""


async def take_shot(
    pooled: PooledPage, resolved: Resolved, *, height: int | None, failed: bool, seconds: float
) -> Shot:
    """Photograph a page. ``height``: of its document, ``None`` when that was not read; ``failed``: its visit did.

    Raises Playwright's errors.
    """
    crawl = resolved.crawl
    if height is None or (failed and isinstance(crawl.screenshot, ElementShot)):
        return Shot(data=await _photograph(pooled.page, resolved, {}, seconds=seconds))
    if crawl.visual is None or failed:
        if not isinstance(crawl.screenshot, ElementShot):
            data = await _photograph(pooled.page, resolved, _area(crawl, height), seconds=seconds)
            return Shot(data=data, note=_cut(crawl, height))
        places = await measure(pooled, crawl)
        data = await _photograph(pooled.page, resolved, _cut_to(crawl, places), seconds=seconds)
        return Shot(data=data, note=_lack(crawl, places))
    return await _still(pooled, resolved, crawl.visual, seconds=seconds)


async def _still(pooled: PooledPage, resolved: Resolved, visual: Visual, *, seconds: float) -> Shot:
    """Photograph until two shots in a row, and where their boxes are, are equal; in the end, say that none were."""
    crawl = resolved.crawl
    await prepare(pooled, visual)
    data, places, is_still = b"", await measure(pooled, crawl), False
    for number in range(MOST_SHOTS):
        if number:
            await asyncio.sleep(_BETWEEN)
        last, before = data, places
        data = await _photograph(pooled.page, resolved, _cut_to(crawl, places), seconds=seconds)
        places = await measure(pooled, crawl)
        is_still = data == last and places == before
        if is_still:
            break
    lack = _lack(crawl, places)
    picture = _noted(data, places, crawl, visual, browser=_browser(pooled.page))
    if lack is not None and (crawl.screenshot is not Screenshot.FULL_PAGE):
        picture = replace(picture, problem=lack)
    if visual.watch is not None and places.watch is None:
        picture = replace(picture, problem=f"nothing that has a size matches `visual.watch`, {visual.watch}")
    return Shot(data=data, picture=replace(picture, unstable=not is_still), note=lack)


def _noted(data: bytes, places: Places, crawl: CrawlConfig, visual: Visual, *, browser: str) -> Picture:
    width, height = _SIZE.unpack_from(data, _SIZE_AT)
    corner: tuple[int, int] = (0, 0)
    if isinstance(crawl.screenshot, ElementShot) and places.element is not None:
        corner = places.element[0], places.element[1]
    elif crawl.screenshot is not Screenshot.FULL_PAGE:
        corner = places.scrolled
    boxes = (_in_picture(one, corner, places.scale, width, height) for one in places.ignored)
    return Picture(
        width=width,
        height=height,
        scale=places.scale,
        browser=browser,
        made=picture_fingerprint(visual, crawl.screenshot, crawl.viewport, scale=places.scale, browser=browser),
        ignored=tuple(box for box in boxes if box is not None),
        watch=None if places.watch is None else _in_picture(places.watch, corner, places.scale, width, height),
    )


def _in_picture(box: Box, corner: tuple[int, int], scale: float, width: int, height: int) -> Box | None:
    """Return a box in the picture's own pixels; ``None``: it lies outside."""
    x, y = (box[0] - corner[0]) * scale, (box[1] - corner[1]) * scale
    left, top = max(0, int(x)), max(0, int(y))
    right, bottom = min(width, round(x + box[2] * scale)), min(height, round(y + box[3] * scale))
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _browser(page: Page) -> str:
    browser = page.context.browser
    return "" if browser is None else browser.version.partition(".")[0]


async def _photograph(page: Page, resolved: Resolved, area: dict[str, Any], *, seconds: float) -> bytes:
    secret = [_PASSWORDS, *resolved.secret_fields]
    masked = [frame.locator(f"css={selector}") for frame in page.frames for selector in secret]
    if resolved.crawl.visual is not None:
        masked += [page.locator(f"css={selector}") for selector in resolved.crawl.visual.ignore]
        area = {**area, "mask_color": _PAINT}
    return await page.screenshot(timeout=seconds * 1000, mask=masked, animations="disabled", caret="hide", **area)


def _cut_to(crawl: CrawlConfig, places: Places) -> dict[str, Any]:
    """Return what Playwright is asked to photograph."""
    if not isinstance(crawl.screenshot, ElementShot):
        return _area(crawl, places.height)
    if places.element is None:
        return {}
    x, y, width, height = places.element
    clip = {"x": x, "y": y, "width": min(width, WIDEST), "height": min(height, TALLEST)}
    return {"full_page": True, "clip": clip}


def _area(crawl: CrawlConfig, height: int) -> dict[str, Any]:
    if crawl.screenshot is not Screenshot.FULL_PAGE:
        return {}
    if height <= TALLEST:
        return {"full_page": True}
    return {"full_page": True, "clip": {"x": 0, "y": 0, "width": crawl.viewport.width, "height": TALLEST}}


def _lack(crawl: CrawlConfig, places: Places) -> str | None:
    if not isinstance(crawl.screenshot, ElementShot):
        return _cut(crawl, places.height)
    if places.element is None:
        return f"the picture shows the window: nothing that has a size matches {crawl.screenshot.element}"
    if places.element[3] > TALLEST:
        return f"the picture is cut at {TALLEST} of {places.element[3]} pixels"
    return None


def _cut(crawl: CrawlConfig, height: int) -> str | None:
    if crawl.screenshot is not Screenshot.FULL_PAGE or height <= TALLEST:
        return None
    return f"the picture is cut at {TALLEST} of {height} pixels"
