"""The scripts that run in a page, and the result of the one that reads it."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Timings
from trapline_crawler.visit.challenge_signs import LITTLE, SIGNS
from trapline_crawler.visit.limits import VisitLimits

LONGEST_TEXT = 4 * 1024 * 1024
"""Characters of watched text that leave the page; a page with more is refused as too large."""
LONGEST_FIELD = 20_000
"""Characters of an extracted field; the rest is cut off."""
LONGEST_TITLE = 1_000
"""Characters of the title; the rest is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What ``read.js`` found in a page."""

    title: str
    """The document's title, raw."""
    text: str | None
    """The watched text, raw; ``None`` when nothing matches ``watch``."""
    too_long: bool
    """Whether text or size exceed what a page may have."""
    fields: dict[str, str | None]
    """The extracted fields by name; ``None`` where nothing matches."""
    problems: tuple[str, ...]
    """Selectors that are invalid or match nothing, in words."""
    url: str
    """The document's URL when it was read."""
    status: int | None
    """Status of the document that was read, where the browser tells it."""
    body: int | None
    """Size of the main document in bytes, decoded."""
    size: int
    """Bytes transferred, by the page's own timings."""
    errors: int
    """Errors that the console would show."""
    height: int
    """Height of the document in CSS pixels."""
    has_elements: bool
    """Whether the body has an element."""
    timings: Timings
    """The navigation's timings as the browser knows them."""
    size_is_partial: bool = False
    """Whether the timings do not show all bytes: other origins, frames, more than 250 parts."""
    signs: tuple[int, ...] = ()
    """Indexes in ``SIGNS`` of the challenges that were found."""
    little_text: bool = False
    """Whether a page with such a sign shows next to no text."""
    check_selector: bool = True
    """Whether the selector of ``logged_in_check`` matches; true where there is none."""
    check_contains: bool = True
    """Whether the text of ``logged_in_check`` is shown; true where there is none."""


@cache
def source(name: str) -> str:
    """Return a script's text: ``init.js`` or ``read.js``."""
    return files("trapline_crawler.visit").joinpath(name).read_text(encoding="utf-8")


def question(crawl: CrawlConfig, *, settle_at_most: float) -> dict[str, Any]:
    """Return the argument of ``read.js``. ``settle_at_most`` is in seconds; 0 reads at once."""
    check = crawl.logged_in_check
    return {
        "check": None if check is None else {"selector": check.selector, "contains": check.contains},
        "quiet": crawl.settle.quiet * 1000,
        "atMost": settle_at_most * 1000,
        "watch": crawl.watch,
        "ignore": list(crawl.ignored_selectors),
        "extract": crawl.extract,
        "signs": [sign.selector for sign in SIGNS],
        "little": LITTLE,
        "longest": LONGEST_TEXT,
        "longestField": LONGEST_FIELD,
        "longestTitle": LONGEST_TITLE,
    }


def reading(answer: dict[str, Any], limits: VisitLimits) -> Reading:
    """Turn the answer of ``read.js`` into a ``Reading``."""
    times = {name: round(value, 1) for name, value in answer["timings"].items() if value is not None}
    return Reading(
        title=answer["title"],
        text=answer["text"],
        too_long=answer["tooLong"] or answer["size"] > limits.size,
        fields=answer["fields"],
        problems=tuple(answer["problems"]),
        url=answer["url"],
        status=answer["status"] or None,
        body=answer["body"],
        size=int(answer["size"]),
        size_is_partial=answer["partial"],
        errors=int(answer["errors"]),
        height=int(answer["height"]),
        has_elements=answer["nodes"],
        signs=tuple(answer["signs"]),
        little_text=answer["littleText"],
        timings=Timings(**times),
        check_selector=answer["checkSelector"],
        check_contains=answer["checkContains"],
    )
