"""The scripts that run in a page, and what the one that reads it brings back."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Timings
from trapline_crawler.visit.challenge_signs import LITTLE, SIGNS
from trapline_crawler.visit.limits import VisitLimits

LONGEST_TEXT = 4 * 1024 * 1024
"""Characters of watched text that leave the page. Long before this a page is no page; it is refused as too large."""
LONGEST_FIELD = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a page said about itself.

    ``size`` is bytes; ``size_is_partial``: its timings do not show all of them. ``text`` is raw; ``body`` is the main
    document's size in bytes, decoded.

    ``check_selector`` and ``check_contains``: whether that part of ``logged_in_check`` holds; true where there is none.
    ``signs``: the places in ``SIGNS`` of the challenges that were found; ``little_text``: the page shows next to none.
    """

    title: str
    text: str | None
    too_long: bool
    fields: dict[str, str | None]
    problems: tuple[str, ...]
    url: str
    status: int | None
    body: int | None
    size: int
    errors: int
    height: int
    has_elements: bool
    timings: Timings
    size_is_partial: bool = False
    signs: tuple[int, ...] = ()
    little_text: bool = False
    check_selector: bool = True
    check_contains: bool = True


@cache
def source(name: str) -> str:
    """Return a script's text: ``init.js``, ``read.js`` or ``shown.js``."""
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
