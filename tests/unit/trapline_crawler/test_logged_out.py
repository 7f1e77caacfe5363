"""What counts as logged out."""

from typing import Any

import pytest

from support.crawling import crawl
from trapline_common.domain.observation import Reason, Timings
from trapline_crawler.visit.expectations import logged_out
from trapline_crawler.visit.page_script import Reading


def reading(**values: Any) -> Reading:
    """Return the reading of a page with some text."""
    found: dict[str, Any] = {
        "title": "t",
        "text": "x",
        "too_long": False,
        "fields": {},
        "problems": (),
        "url": "https://e.com/account/1",
        "status": 200,
        "body": 9,
        "size": 9,
        "errors": 0,
        "height": 9,
        "has_elements": True,
        "timings": Timings(),
    }
    return Reading(**(found | values))


@pytest.mark.parametrize(
    ("check", "page", "detail"),
    [
        ({"selector": "#who"}, {}, None),
        ({"selector": "#who"}, {"check_selector": False}, "nothing matches '#who'"),
        ({"contains": "Hi"}, {"check_contains": False}, "the page does not say 'Hi'"),
        ({"url": "/account*"}, {"url": "https://e.com/account?a#b"}, None),
        (
            {"url": "/account/*"},
            {"url": "https://e.com/login"},
            "the page is at 'https://e.com/login', not at '/account/*'",
        ),
        (
            {"selector": "#a", "contains": "b"},
            {"check_contains": False, "check_selector": False},
            "nothing matches '#a'; the page does not say 'b'",
        ),
    ],
)  # fmt: skip
def test_what_is_missed(check: dict[str, str], page: dict[str, Any], detail: str | None) -> None:
    """All of the check must hold, and each part that does not is named."""
    found = logged_out(reading(**page), 200, crawl(logged_in_check=check))
    assert (found and (found.reason, found.detail, found.retry)) == (detail and (Reason.LOGGED_OUT, detail, False))


@pytest.mark.parametrize(
    ("status", "page", "is_so"),
    [
        (200, {}, True),
        (401, {}, True),
        (403, {}, True),
        (500, {}, False),
        (404, {}, False),
        (200, {"body": 0, "has_elements": False}, False),
    ],
)  # fmt: skip
def test_a_page_that_fails_on_its_own_account_is_not_logged_out(status: int, page: dict[str, Any], is_so: bool) -> None:
    """A server error, a missing or an empty page costs no log-in; a refusal does."""
    found = logged_out(reading(check_selector=False, **page), status, crawl(logged_in_check={"selector": "#a"}))
    assert (found is not None) is is_so


def test_without_a_check_no_visit_is_logged_out() -> None:
    """A crawl that checks nothing never fails for it."""
    assert logged_out(reading(check_selector=False), 401, crawl()) is None
