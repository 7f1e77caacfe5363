"""Include and exclude patterns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.config.patterns import PageFilter, Pattern


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("/docs/*", "https://e.com/docs/a", True),
        ("/docs/*", "https://e.com/docs/deep/a", True),
        ("/docs/*", "https://e.com/docs", False),
        ("/docs/*", "https://e.com/en/docs/a", False),
        ("/docs", "https://e.com/docs", True),
        ("/docs", "https://e.com/docs?page=2", True),
        ("/docs?page=*", "https://e.com/docs?page=2", True),
        ("/docs?page=*", "https://e.com/docs", False),
        ("*.html", "https://e.com/a/b.html", True),
        ("*.html", "https://e.com/a/b.htm", False),
        ("*/print*", "https://e.com/a/print/b", True),
        ("/a*a", "https://e.com/a", False),
        ("/a.c", "https://e.com/abc", False),
        ("/[ab]", "https://e.com/a", False),
        ("/café/*", "https://e.com/caf%C3%A9/x", True),
        ("/%7Eme/*", "https://e.com/~me/x", True),
        ("https://e.com/docs/*", "https://e.com/docs/a", True),
        ("https://e.com/docs/*", "http://e.com/docs/a", False),
        ("https://E.com:443/docs/*", "https://e.com/docs/a", True),
        ("https://bücher.example/*", "https://xn--bcher-kva.example/a", True),
        ("https://*.e.com/*", "https://www.e.com/a", True),
        ("https://*.e.com/*", "https://e.com/a", False),
        ("https://e.com*", "https://e.com/a?b", True),
    ],
)
def test_matching(pattern: str, url: str, matches: bool) -> None:
    """A star is any run of characters, nothing else is special, and a path pattern ignores host and query."""
    assert Pattern.parse(pattern).matches(url) is matches


def test_no_include_means_every_page_and_exclude_wins() -> None:
    """An empty include keeps all; what both lists name is left out."""
    assert PageFilter.parse([], []).accepts("https://e.com/a")
    both = PageFilter.parse(["/a*"], ["/ab*"])
    assert [both.accepts(f"https://e.com/{path}") for path in ("a", "ab", "b")] == [True, False, False]


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_the_glob_agrees_with_a_regular_expression(pattern: str, path: str) -> None:
    """The linear matcher gives what the regular expression would."""
    expected = re.fullmatch(".*".join(map(re.escape, ("/" + pattern).split("*"))), "/" + path) is not None
    assert Pattern.parse("/" + pattern).matches(f"https://e.com/{path}") is expected
