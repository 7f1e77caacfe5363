"""Normalising, hashing, diffs and fields."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.content.diff import MAX_LINE, FieldChange, compare_fields, unified_diff
from trapline_common.content.text import content_hash, normalise

URL = "https://example.com/"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  a \t b  ", "a b"),
        ("a\r\n\n \n\u00a0\nb\n", "a\nb"),
        ("a\u2028b\x0bc", "a\nb\nc"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x00b\x1b[0m", "ab[0m"),
        ("x\ud800y", "x\ufffdy"),
        ("", ""),
        (" \n\t", ""),
    ],
)
def test_white_space_and_control_characters_never_count(raw: str, expected: str) -> None:
    """Normalising collapses white space, drops blank lines and control characters, composes, and always encodes."""
    assert normalise(raw) == expected


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised text is its own normal form, is NFC and encodes as UTF-8, for any text of a page."""
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once.encode().decode() == once


@given(st.text(), st.sampled_from([" ", "  ", "\t", "\u00a0"]), st.sampled_from(["\n", "\r\n", "\n\n", " \n \n"]))
def test_layout_alone_never_changes_the_hash(text: str, blank: str, newline: str) -> None:
    """Other blanks and line ends give the same hash."""
    first = normalise(text)
    again = normalise(first.replace(" ", blank).replace("\n", newline))
    assert content_hash(first, {}) == content_hash(again, {})


def test_the_hash_tells_text_from_fields_and_one_field_from_another() -> None:
    """No two of these pages share a hash, and the order of fields does not matter."""
    pages: list[tuple[str, dict[str, str | None]]] = [
        ("", {}),
        ("a", {}),
        ("", {"a": ""}),
        ("", {"a": None}),
        ("", {"a": "b"}),
        ("", {"b": "a"}),
        ("", {"a": "b", "c": "d"}),
        ("ab", {"c": "d"}),
    ]
    assert len({content_hash(text, fields) for text, fields in pages}) == len(pages)
    assert content_hash("x", {"a": "1", "b": "2"}) == content_hash("x", {"b": "2", "a": "1"})


def test_the_hash_is_what_it_was_in_the_first_release() -> None:
    """The hash of a known page stays what it is: another would make every page of every user look changed."""
    assert (
        content_hash("Basic $40", {"basic": "$40"})
        == "2f2b23f9703a902a05d221e7a058255d0251298f58bf63081ae7a03c9f227bbc"
    )


def test_a_diff_reads_like_diff_u() -> None:
    """One changed line is shown with three lines around it, under both names."""
    old = "one two three four five six seven eight nine".replace(" ", "\n")
    assert unified_diff(old, old.replace("five", "5"), url=URL) == (
        "--- https://example.com/ (before)\n+++ https://example.com/ (after)\n@@ -2,7 +2,7 @@\n"
        " two\n three\n four\n-five\n+5\n six\n seven\n eight"
    )


@pytest.mark.parametrize(
    ("old", "new", "ranges"), [("", "a", "@@ -0,0 +1 @@"), ("a", "", "@@ -1 +0,0 @@"), ("a\nb", "b", "@@ -1,2 +1 @@")]
)
def test_a_hunk_counts_its_lines_as_diff_u_does(old: str, new: str, ranges: str) -> None:
    """Ranges of no line and of one line are written the way patch expects."""
    assert unified_diff(old, new, url=URL).split("\n")[2] == ranges


def test_equal_texts_have_no_diff() -> None:
    """The diff of equal texts is empty, not two header lines."""
    assert unified_diff("a\nb", "a\nb", url=URL) == ""


def test_far_changes_make_two_hunks() -> None:
    """What lies between two far changes is left out."""
    old = [str(number) for number in range(40)]
    new = ["first", *old[1:-1], "last"]
    diff = unified_diff("\n".join(old), "\n".join(new), url=URL)
    assert diff.count("@@ -") == 2
    assert " 20" not in diff


@given(st.text("ab\n", max_size=60), st.text("ab\n", max_size=60))
def test_a_diff_is_empty_exactly_when_the_lines_are_equal(old: str, new: str) -> None:
    """Different normalised texts always have something to show."""
    before, after = normalise(old), normalise(new)
    assert (unified_diff(before, after, url=URL) == "") == (before == after)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n".join("ab" * 65_536), "\n".join("ba" * 65_536)),
        ("\n".join("abc" * 43_690), "\n".join("acb" * 43_690)),
        ("\n".join(map(str, range(40_000))), "\n".join(map(str, range(50_000, 90_000)))),
        ("\n".join("ab" * 65_536), "\n".join("a" * 131_072)),
        ("\n".join("x" + "a" * 130_000 + "y" * 500), "\n".join("z" + "a" * 130_000 + "w" * 500)),
        ("x" * 262_144, "y" * 262_144),
        ("é" * 100_000, "è" * 100_000),
    ],
    ids=["shifted", "permuted", "rewritten", "thinned", "one line repeated", "one line", "two-byte letters"],
)
def test_a_diff_is_bounded_in_size_and_time(old: str, new: str) -> None:
    """The worst texts of 256 KiB give a diff within both bounds, in well under the seconds difflib would need."""
    begun = time.process_time()
    diff = unified_diff(old, new, url=URL)
    assert time.process_time() - begun < 2
    assert 3 <= len(diff.split("\n")) <= 200
    assert len(diff.encode()) <= 16 * 1024


def test_a_cut_diff_says_so_and_shows_both_sides() -> None:
    """A thousand changed lines are cut at the bound, with added lines among those shown, and a last line that tells."""
    old = "\n".join(f"price {number} old" for number in range(1000) for _ in range(3))
    new = "\n".join(f"price {number} {'new' if line == 1 else 'old'}" for number in range(1000) for line in range(3))
    lines = unified_diff(old, new, url=URL).split("\n")
    assert lines[-1] == "… more differences are not shown"
    assert sum(line.startswith("+price") for line in lines) > 20
    assert sum(line.startswith("-price") for line in lines) > 20


def test_a_diff_cut_for_its_bytes_alone_says_so() -> None:
    """Few changed lines that are long are cut at the bytes, between two lines, and the last line tells."""
    old = "\n".join(f"{number} {'é' * 150} old" for number in range(60))
    diff = unified_diff(old, old.replace("old", "new"), url=URL)
    assert 12 * 1024 < len(diff.encode()) <= 16 * 1024
    assert diff.endswith(" old\n… more differences are not shown")


def test_a_long_line_is_shown_where_it_differs() -> None:
    """Of two long lines the part around the difference is shown, so that they never look the same."""
    old, new = "x" * 5_000 + "OLD" + "y" * 5_000, "x" * 5_000 + "NEW" + "y" * 5_000
    diff = unified_diff(old, new, url=URL)
    assert "OLD" in diff
    assert "NEW" in diff
    assert all(len(line) <= MAX_LINE + 3 for line in diff.split("\n"))


def test_the_url_can_not_forge_diff_lines() -> None:
    """A URL with line ends in it stays on the header's line."""
    assert unified_diff("a", "b", url="https://x/\n+forged").split("\n")[0] == "--- https://x/ +forged (before)"


def test_fields_are_compared_by_name() -> None:
    """Changed, new and vanished fields are kept apart, in the order of their names; equal ones are left out."""
    changes = compare_fields({"a": "1", "b": "2", "gone": "3", "none": None}, {"a": "1", "b": "4", "new": ""})
    assert changes == (
        FieldChange(name="b", old="2", new="4"),
        FieldChange(name="gone", old="3", new=None),
        FieldChange(name="new", old=None, new=""),
    )
