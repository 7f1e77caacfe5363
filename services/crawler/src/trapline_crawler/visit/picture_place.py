"""Where a page has what its picture is cut to, compared in, or painted over. The page is a stranger: all is checked."""

import json
import math
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig, ElementShot, Visual
from trapline_common.domain.picture import Box
from trapline_crawler.visit.page_script import source
from trapline_crawler.visit.pooled_page import PooledPage

MOST_BOXES = 200
"""Boxes of ignored elements that are noted; further ones are painted over all the same."""
_FARTHEST = 1_000_000
"""CSS pixels; no page's element is farther away or larger than Chromium's layout goes."""
_NOTHING = Visual()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Boxes in CSS pixels, from the document's left upper corner."""

    ignored: tuple[Box, ...]
    """What is painted over."""
    watch: Box | None
    """What is compared; ``None``: nothing that matches has a size, or the whole picture is."""
    element: Box | None
    """What the picture is cut to; ``None`` likewise."""
    scale: float
    """Pixels of the picture for each of CSS."""
    scrolled: tuple[int, int]
    """How far the window is from the document's corner."""
    height: int
    """Height of the document."""


async def prepare(pooled: PooledPage, visual: Visual) -> None:
    """Hide what the crawl hides in pictures, and hold still what moves by itself."""
    await pooled.evaluate(f"({source('prepare_picture.js')})({json.dumps({'hide': visual.hide})})")


async def measure(pooled: PooledPage, crawl: CrawlConfig) -> Places:
    """Return where things are now. Raises ``PlaywrightError`` for a page that can't say."""
    visual = crawl.visual or _NOTHING
    asked = {
        "ignore": visual.ignore,
        "watch": visual.watch,
        "element": crawl.screenshot.element if isinstance(crawl.screenshot, ElementShot) else None,
        "most": MOST_BOXES,
    }
    answer = await pooled.evaluate(f"({source('measure_picture.js')})({json.dumps(asked)})")
    try:
        found: dict[str, Any] = answer["result"]["value"]
        x, y = map(_whole, found["scrolled"])
        return Places(
            ignored=tuple(_box(one) for one in found["ignored"][:MOST_BOXES]),
            watch=None if found["watch"] is None else _box(found["watch"]),
            element=None if found["element"] is None else _box(found["element"]),
            scale=min(10.0, max(0.1, float(found["scale"]))),
            scrolled=(x, y),
            height=_whole(found["height"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlaywrightError("the page can't be measured for its picture") from error


def _box(values: list[object]) -> Box:
    """Return a box of whole pixels around one of fractions."""
    left, top, width, height = (_number(value) for value in values)
    x, y = math.floor(left), math.floor(top)
    return x, y, math.ceil(left + width) - x, math.ceil(top + height) - y


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("no number")
    return min(max(float(value), -_FARTHEST), _FARTHEST)


def _whole(value: object) -> int:
    return int(_number(value))
