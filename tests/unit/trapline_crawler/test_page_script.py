"""What a page's renderer answers is checked at the border: any shape is read within its bounds, or refused in words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.crawling import crawl
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import (
    LARGEST,
    LONGEST_FIELD,
    LONGEST_PROBLEM,
    LONGEST_TEXT,
    LONGEST_TITLE,
    LONGEST_URL,
    LONGEST_WAIT,
    Reading,
    UnreadableAnswerError,
    reading,
)

CRAWL = crawl(extract={"price": "#price"})
GOOD: dict[str, Any] = {
    "title": "t", "text": "text", "tooLong": False, "fields": {"price": "7"}, "problems": [],
    "whole": False, "status": 200, "body": 10,
    "height": 100, "errors": 1, "scripts": 0, "signs": [], "shown": 0, "nodes": True,
    "checkSelector": True, "checkContains": True, "parsed": True, "loaded": True, "appeared": True,
    "malformed": False,
    "timings": {"dns": 0, "connect": 1.25, "ttfb": 3, "dom": None, "load": 9},
}  # fmt: skip
SPENT: dict[str, Any] = {
    "errors": 2, "thrown": 1, "received": 700, "unpacked": 900, "parts": 0, "documents": 1, "open": 0,
    "wentBack": False, "taken": False, "refresh": {"in": 1500, "url": "http://b/"},
}  # fmt: skip

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("x" * (LONGEST_FIELD + 5)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "price"]), inner, max_size=6),
    max_leaves=8,
)


def _read(value: object, spent: object = SPENT, *, url: str = "http://a/") -> Reading:
    return reading({"result": {"value": value}, "spent": spent}, CRAWL, VisitLimits(), url=url)


def test_a_good_answer_is_read():
    """The answer of the crawler's own script is taken as it is, with the meter's counts and the browser's URL."""
    found = _read(GOOD)
    assert (found.text, found.fields, found.errors, found.size, found.url) == (
        "text",
        {"price": "7"},
        3,
        700,
        "http://a/",
    )
    assert (found.timings.connect, found.timings.dom) == (1.2, None)
    assert (found.refresh, found.refresh_to, found.scripts_failed) == (1.5, "http://b/", 1)


@settings(max_examples=60, deadline=None)  # a loaded machine is slow now and then, and no fault of the reader
@given(
    st.dictionaries(st.sampled_from(list(GOOD)), _JSON, max_size=4),
    st.dictionaries(st.sampled_from(list(SPENT)), _JSON),
)
def test_any_answer_is_bounded_or_refused(changed: dict[str, Any], spent: dict[str, Any]):
    """Whatever a page puts in place of the answer's parts, what is kept of it fits the ledger's columns."""
    try:
        found = _read(GOOD | changed, SPENT | spent)
    except UnreadableAnswerError:
        return
    counts = (found.open, found.documents, found.scripts_failed, found.shown)
    for number in (found.status, found.body, found.size, found.errors, found.height, *counts):
        assert number is None or (type(number) is int and 0 <= number <= LARGEST)
    for time in (found.timings.dns, found.timings.connect, found.timings.ttfb, found.timings.dom, found.timings.load):
        assert time is None or 0 <= time <= LARGEST
    assert found.refresh is None or 0 <= found.refresh <= LONGEST_WAIT
    assert len(found.refresh_to) <= LONGEST_URL
    assert set(found.fields) == {"price"}
    assert len(found.title) <= LONGEST_TITLE
    assert found.text is None or len(found.text) <= LONGEST_TEXT
    assert all(value is None or len(value) <= LONGEST_FIELD for value in found.fields.values())
    assert all(type(problem) is str and len(problem) <= LONGEST_PROBLEM for problem in found.problems)
    json.dumps([found.timings.dns, *found.signs], allow_nan=False)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"exceptionDetails": {"text": "boom"}, "result": {"type": "object"}}, "error"),
        ({}, "result"),
        ({"result": {"value": 7}, "spent": SPENT}, "value"),
        ({"result": {"value": GOOD}}, "spent"),
        ({"result": {"value": GOOD | {"text": {"a": 1}}}, "spent": SPENT}, "text"),
        ({"result": {"value": GOOD | {"signs": [True]}}, "spent": SPENT}, "sign"),
        ({"result": {"value": GOOD | {"nodes": "yes"}}, "spent": SPENT}, "nodes"),
        ({"result": {"value": GOOD}, "spent": SPENT | {"refresh": [1]}}, "refresh"),
    ],
)
def test_a_wrong_shape_is_refused_in_words(answer: dict[str, Any], part: str):
    """An answer of another shape is refused with the name of its part, and nothing of the answer is quoted."""
    with pytest.raises(UnreadableAnswerError, match=part) as raised:
        reading(answer, CRAWL, VisitLimits(), url="http://a/")
    assert "boom" not in str(raised.value)


def test_what_is_too_long_is_cut():
    """Lengths are cut on the crawler's side too, and a sign that does not exist is none."""
    found = _read(
        GOOD | {"title": "t" * 5000, "text": "x" * (LONGEST_TEXT + 9), "signs": [0, 99], "height": 1e300, "body": -1},
        SPENT | {"errors": 1e300},
        url="http://a/" + "u" * 100_000,
    )
    assert (len(found.title), len(found.url), found.signs) == (LONGEST_TITLE, LONGEST_URL, (0,))
    assert (found.height, found.body, found.errors, len(found.text or "")) == (LARGEST, 0, LARGEST, LONGEST_TEXT)
