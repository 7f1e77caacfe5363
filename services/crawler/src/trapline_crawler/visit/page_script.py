"""The script that reads a page, and its answer, checked at the border: a page is a stranger, and so is its renderer."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from trapline_common.config.models import CrawlConfig
from trapline_common.config.value_path import parse_path
from trapline_common.content.text import UNSEEN
from trapline_common.domain.observation import Timings
from trapline_crawler.visit.challenge_signs import SIGNS, TITLES
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.text_formats import OtherDocument

T = TypeVar("T")
LONGEST_TEXT = 4 * 1024 * 1024
"""Characters of watched text that leave the page; a page with more is refused as too large."""
LONGEST_FIELD = 20_000
"""Characters of an extracted field; the rest is cut off."""
LONGEST_TITLE = 1_000
"""Characters of a title; the rest is cut off."""
LONGEST_URL = 8_192
"""Characters of a final URL; the rest is cut off. A page's script may give its page one of two million."""
LONGEST_PROBLEM = 1_000
"""Characters of what is wrong with one selector."""
LONGEST_LANGUAGE = 35
"""Characters of a language's tag; RFC 5646, section 4.4.1, knows no longer one that is meant so."""
LARGEST = 2**31 - 1
"""The largest number that is kept of a page: what an integer column of the ledger holds."""
LONGEST_WAIT = 30 * 86_400.0
"""Seconds; the longest time until a refresh that is told apart from longer ones."""
_FRAGMENTS = ("dom.js", "page_text.js", "extract.js", "readiness.js")
"""What the script is put together from, in order."""
_COMMENTS = re.compile(r"^\s*//.*\n|^\s+", re.MULTILINE)
_TIMINGS = ("dns", "connect", "ttfb", "dom", "load")


class UnreadableAnswerError(ValueError):
    """A page's answer is not of the shape that ``read.js`` gives; the text names the part, and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What ``read.js`` found in a page, and what the browser itself knows of it. Types and lengths are certain."""

    title: str
    """The document's title, raw; at most ``LONGEST_TITLE`` characters."""
    text: str | None
    """The watched text, raw, at most ``LONGEST_TEXT`` characters; ``None`` when nothing matches ``watch``."""
    too_long: bool
    """Whether text or size exceed what a page may have."""
    fields: dict[str, str | None]
    """The crawl's extracted fields by name, at most ``LONGEST_FIELD`` characters; ``None`` where nothing matches."""
    problems: tuple[str, ...]
    """Selectors that are invalid or match nothing, in words."""
    url: str
    """The URL of the page that was read, as the browser knows it; at most ``LONGEST_URL`` characters."""
    status: int | None
    """Status of the document that was read, where the browser tells it."""
    body: int | None
    """Size of the main document in bytes, decoded."""
    size: int
    """Bytes received, heads included, of the page with its parts, as the tab meter counted them."""
    errors: int
    """Errors that the console would show, as the tab meter counted them, and parts that did not load."""
    height: int
    """Height of the document in CSS pixels."""
    has_elements: bool
    """Whether the body has an element."""
    content_type: str = "text/html"
    """What the browser took the document for, whatever its answer said."""
    timings: Timings
    """The navigation's timings as the browser knows them."""
    encoding: str = ""
    """How the document's body was compressed, as the browser unpacked it."""
    charset: str = "utf-8"
    """The encoding of its text, as the browser read it."""
    is_whole: bool = False
    """Whether its format says where it ends, so that it did: XML and JSON do, pages, tables and texts do not."""
    is_malformed: bool = False
    """Whether one of these is that the document breaks its own format: another visit may get a whole one."""
    is_parsed: bool = True
    """Whether the document has arrived to its end."""
    is_loaded: bool = True
    """Whether its parts have as well: pictures, frames, scripts."""
    appeared: bool = True
    """Whether a person can see what ``wait_for`` names; true where it names nothing."""
    open: int = 0
    """Requests without an answer that may still bring text, when the page was read."""
    frames_arrived: int = 0
    """Frames of the page's own origin whose documents have arrived, of those that are read."""
    frames_open: int = 0
    """Such frames whose documents are on their way, and which a person will see."""
    refresh: float | None = None
    """Seconds until the page goes to ``refresh_to`` by itself (a meta refresh, a ``Refresh`` header)."""
    refresh_to: str = ""
    """Where it goes then."""
    documents: int = 1
    """Documents that the visit was shown: more than one when the page went elsewhere by itself."""
    went_back: bool = False
    """Whether it went to a document of the tab's history."""
    taken: bool = False
    """Whether the page that the tab showed before comes back, by a navigation that it began before it was left."""
    scripts_failed: int = 0
    """Scripts that did not load, and errors of scripts that none caught."""
    signs: tuple[int, ...] = ()
    """Indexes in ``SIGNS`` of the selectors of challenges that match."""
    shown: int = 0
    """Characters of text that the page shows, where a sign or the title speaks of a challenge; else 0."""
    language: str | None = None
    """What the page says it is written in, the ``lang`` of its outermost element; at most ``LONGEST_LANGUAGE``."""
    frames_left_out: int = 0
    """Frames of other sites that should have been read and did not answer, or were too many."""
    check_selector: bool = True
    """Whether the selector of ``logged_in_check`` matches; true where there is none."""
    check_contains: bool = True
    """Whether the text of ``logged_in_check`` is shown; true where there is none."""


@cache
def source(name: str) -> str:
    """Return a script's text, by its file name in this folder, without comments and indents: pages pay for each."""
    return _COMMENTS.sub("", files("trapline_crawler.visit").joinpath(name).read_text(encoding="utf-8"))


@cache
def reader(*, of_pages: bool = True) -> str:
    """Return the function that reads a document, as JavaScript; it takes what ``asked`` returns.

    ``of_pages``: only pages, which spares them what other documents need.
    """
    others = () if of_pages else ("other_document.js",)
    return f"async (asked) => {{{''.join(map(source, (*_FRAGMENTS, *others, 'read.js')))}}}"


def question(
    crawl: CrawlConfig,
    *,
    load_within: float,
    wait_within: float | None,
    settle_at_most: float,
    frames_within: float = 0.0,
    other: OtherDocument | None = None,
) -> str:
    """Return the expression that reads a page for ``crawl``; see ``asked``. ``other``: it is such a document.

    ``frames_within``: how long it then waits for frames of the page's origin, in seconds.
    """
    values = asked(crawl, load_within=load_within, wait_within=wait_within, settle_at_most=settle_at_most)
    values |= {"framesWithin": frames_within * 1000}
    if other is not None:
        values |= {"paths": _paths(crawl), "format": other.format}
    return f"({reader(of_pages=other is None)})({json.dumps(values)})"


def _paths(crawl: CrawlConfig) -> dict[str, object]:
    """Return the steps of each of the crawl's selectors that is a path, or could be one."""
    named = [*crawl.ignored_selectors, *(one.selector for one in crawl.extract.values()), crawl.watch]
    return {text: steps for text in named if text is not None and (steps := _steps(text)) is not None}


def _steps(text: str) -> object:
    try:
        return parse_path(text)
    except ValueError:
        return None  # of a config that an older release froze


def asked(
    crawl: CrawlConfig, *, load_within: float, wait_within: float | None, settle_at_most: float
) -> dict[str, Any]:
    """Return what ``reader`` is asked of a page for ``crawl``. All times are in seconds.

    ``load_within``: how long it waits for the page's parts; ``wait_within``: how long for what ``wait_for`` names, the
    parts' time included, ``None`` where that is not asked; ``settle_at_most``: how long the page may then go on
    changing, 0 reads at once.
    """
    check = crawl.logged_in_check
    return {
        "loadWithin": load_within * 1000,
        "framesWithin": 0,
        "waitFor": None if wait_within is None else crawl.wait_for,
        "waitWithin": (wait_within or 0) * 1000,
        "check": None if check is None else {"selector": check.selector, "contains": check.contains},
        "quiet": crawl.settle.quiet * 1000,
        "atMost": settle_at_most * 1000,
        "watch": crawl.watch,
        "ignore": list(crawl.ignored_selectors),
        "extract": {
            name: {"selector": one.selector, "attribute": one.attribute, "all": one.all}
            for name, one in crawl.extract.items()
            if one.selector is not None
        },
        "signs": [sign.selector for sign in SIGNS],
        "titles": TITLES,
        "unseen": UNSEEN,
        "longest": LONGEST_TEXT,
        "longestField": LONGEST_FIELD,
        "longestTitle": LONGEST_TITLE,
        "longestLanguage": LONGEST_LANGUAGE,
    }


def reading(answer: dict[str, Any], crawl: CrawlConfig, limits: VisitLimits, *, url: str) -> Reading:
    """Turn the protocol's answer to ``question`` into a ``Reading``. ``url``: the page's, as the browser knows it.

    Raises ``UnreadableAnswerError`` for an answer of any other shape.
    """
    if "exceptionDetails" in answer:
        raise UnreadableAnswerError("the page can't be read: the crawler's script ended with an error")
    found = _Answer(_dict(_dict(answer.get("result"), "result").get("value"), "value"))
    spent = _Answer(_dict(answer.get("spent"), "spent"))
    text = found.text("text", LONGEST_TEXT)
    size = spent.count("received")
    refresh = None if spent.value("refresh") is None else _Answer(_dict(spent.value("refresh"), "refresh"))
    return Reading(
        title=found.text("title", LONGEST_TITLE) or "",
        text=text,
        too_long=found.flag("tooLong") or size > limits.size,
        fields=_fields(_dict(found.value("fields"), "fields"), crawl),
        problems=tuple(found.each("problems", lambda one: _text(one, "problem", LONGEST_PROBLEM) or "")),
        encoding=(found.text("encoding", LONGEST_TITLE) or "").strip().lower(),
        charset=found.text("charset", LONGEST_TITLE) or "",
        is_whole=found.flag("whole"),
        is_malformed=found.flag("malformed"),
        url=url[:LONGEST_URL],
        status=found.count("status") or None,
        body=None if found.value("body") is None else found.count("body"),
        size=size,
        errors=min(LARGEST, spent.count("errors") + found.count("errors")),
        height=found.count("height"),
        has_elements=found.flag("nodes"),
        content_type=found.text("type", LONGEST_TITLE) or "",
        timings=_timings(_Answer(_dict(found.value("timings"), "timings"))),
        is_parsed=found.flag("parsed"),
        is_loaded=found.flag("loaded"),
        appeared=found.flag("appeared"),
        open=spent.count("open"),
        frames_arrived=found.count("framesArrived"),
        frames_open=found.count("framesOpen"),
        refresh=None if refresh is None else min(LONGEST_WAIT, refresh.number("in") / 1000),
        refresh_to="" if refresh is None else refresh.text("url", LONGEST_URL) or "",
        documents=spent.count("documents"),
        went_back=spent.flag("wentBack"),
        taken=spent.flag("taken"),
        scripts_failed=min(LARGEST, spent.count("thrown") + found.count("scripts")),
        signs=tuple(sign for sign in found.each("signs", lambda one: _count(one, "sign")) if sign < len(SIGNS)),
        shown=found.count("shown"),
        language=found.text("language", LONGEST_LANGUAGE),
        check_selector=found.flag("checkSelector"),
        check_contains=found.flag("checkContains"),
    )


class _Answer:
    """An object that came from a page's renderer; each part is asked for with the type that it must have."""

    __slots__ = ("_found",)

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def value(self, name: str) -> object:
        return self._found.get(name)

    def text(self, name: str, longest: int) -> str | None:
        return _text(self.value(name), name, longest)

    def number(self, name: str) -> float:
        return _number(self.value(name), name)

    def count(self, name: str) -> int:
        return _count(self.value(name), name)

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise _wrong(name)
        return value

    def each(self, name: str, read: Callable[[object], T]) -> list[T]:
        value = self.value(name)
        if not isinstance(value, list):
            raise _wrong(name)
        return [read(one) for one in value]


def _wrong(name: str) -> UnreadableAnswerError:
    return UnreadableAnswerError(f"the page can't be read: its {name} is not what the crawler's script returns")


def _dict(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(name)
    return value


def _text(value: object, name: str, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong(name)
    return value[:longest]


def _number(value: object, name: str) -> float:
    """Return a finite number within ``LARGEST``, whatever the page's number is; JSON writes Infinity as null."""
    if value is None:
        return 0
    if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
        raise _wrong(name)
    return min(max(value, 0), LARGEST)


def _count(value: object, name: str) -> int:
    return int(_number(value, name))


def _fields(found: dict[str, Any], crawl: CrawlConfig) -> dict[str, str | None]:
    return {name: _text(found.get(name), "field", LONGEST_FIELD) for name in crawl.extract}


def _timings(found: _Answer) -> Timings:
    times = {
        name: None if found.value(name) is None else round(_number(found.value(name), name), 1) for name in _TIMINGS
    }
    return Timings(**times)
