"""Regular expressions in ``ignore``: what they take out, and that no page and no pattern makes them slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.config.comparison import check, parse_comparison
from trapline_common.config.regex import compile_regex
from trapline_common.content.ignored_text import without_ignored
from trapline_common.content.text import normalise

BOUND = 20.0
"""Seconds, on a machine that others load too; the budget is worth about one, and backtracking would need years."""


def _cut(text: str, *patterns: str) -> str:
    return without_ignored(text, [compile_regex(pattern) for pattern in patterns])


@pytest.mark.parametrize(
    ("text", "patterns", "left"),
    [
        ("Price 40\nUpdated 5 min ago\nend", ["Updated .*"], "Price 40\nend"),
        ("now 12:05:09 UTC, 3 users", [r"\d\d:\d\d:\d\d", r"\d+ users"], "now UTC,"),
        ("aa ab", ["^a"], "a ab"),
        ("one\ntwo\n", ["$"], "one\ntwo"),
        ("one\ntwo", [r"one\ntwo"], "one\ntwo"),  # a pattern sees one line
        ("ÄÖÜ straße 5", ["(?i)äöü", "ß"], "strae 5"),
        ("x1y22z", [r"\d+"], "xyz"),
        ("x", [], "x"),
        ("all of it", [".*"], ""),
        ("😀 5😀", [r"\d", "😀"], ""),
        ("aXbXc", [r"\bX|X"], "abc"),
        ("ab", ["b*"], "a"),  # a match of nothing is passed over
    ],
)
def test_what_patterns_take_out(text: str, patterns: list[str], left: str) -> None:
    """Every match in every line goes, in order; what is left is normal again, and an empty line is gone."""
    assert _cut(text, *patterns) == left


@given(st.text(max_size=200), st.lists(st.sampled_from([r"\d+", "a|b", "é", "^.", "x*y?", r"\b"]), max_size=3))
def test_what_is_left_is_normal(text: str, patterns: list[str]) -> None:
    """After any cut out of a normalised text the rest is a normalised text up to composition, and encodes."""
    left = _cut(normalise(text), *patterns)
    assert left == "\n".join(" ".join(line.split()) for line in left.splitlines() if line.strip())
    assert left.encode().decode() == left


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a" * 1_000_000 + "!"),
        (r"(a|a)*b", "a" * 1_000_000),
        (r"(.*)*x", "y\n" * 500_000),
        ("[^b]*b|a", "a" * 4_000_000),  # each search reads to the end
        ("a", "a" * 4_000_000),
        ("a", "ab" * 2_000_000),
        (r"\b", "a " * 2_000_000),
        ("z", "y\n" * 2_000_000),
        (r"(?:x?){500}y", "x" * 1_000_000),
    ],
)
def test_no_page_makes_a_pattern_slow(pattern: str, text: str) -> None:
    """Patterns that keep a backtracking engine busy for ever, on the largest text a page may have, end in seconds."""
    started = time.monotonic()
    _cut(text, pattern)
    assert time.monotonic() - started < BOUND


def test_what_is_beyond_the_budget_stays_the_same() -> None:
    """A text too costly to search through is cut the same way each time, so it is no change by itself."""
    text = "ab" * 2_000_000
    once = _cut(text, "a")
    assert once == _cut(text, "a")
    assert "ab" in once


def test_a_page_can_not_stall_an_expectation() -> None:
    """``expect: matches`` is the same engine: a pattern that backtracks for ever elsewhere answers at once."""
    started = time.monotonic()
    assert check(parse_comparison("matches ^(a+)+$"), "a" * 19_000 + "!") is not None
    assert time.monotonic() - started < BOUND


@pytest.mark.parametrize(
    "pattern", ["(a", "[z-a]", "(?=x)", r"(a)\1", "a{2000}", "((a{100}){100}){100}", "*", "x" * 1001]
)
def test_what_the_engine_has_not_is_refused(pattern: str) -> None:
    """A pattern that is malformed, has look-around or back references, or is too large is refused with the reason."""
    with pytest.raises(ValueError, match="pattern"):
        compile_regex(pattern)
