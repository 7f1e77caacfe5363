"""Which answers are taken for a refusal, and which are not."""

import pytest

from support.crawling import crawl
from trapline_common.domain.observation import Failure, Reason, Timings
from trapline_crawler.visit.blocked import blocked_status, challenge, retry_after
from trapline_crawler.visit.challenge_signs import SIGNS
from trapline_crawler.visit.failures import status_failure
from trapline_crawler.visit.page_script import Reading


def _reading(*, title: str = "Prices", signs: tuple[int, ...] = (), little: bool = False) -> Reading:
    return Reading(
        title=title,
        text="text",
        too_long=False,
        fields={},
        problems=(),
        url="https://site.example/",
        status=200,
        body=10,
        size=10,
        errors=0,
        height=10,
        has_elements=True,
        signs=signs,
        little_text=little,
        timings=Timings(),
    )


WIDGET = next(number for number, sign in enumerate(SIGNS) if sign.widget)
STRONG = next(number for number, sign in enumerate(SIGNS) if not sign.widget)
MISSED = Failure(reason=Reason.SELECTOR, detail="watch: nothing matches '#plans'", retry=False)


@pytest.mark.parametrize(("status", "retry"), [(403, False), (429, True), (503, True)])
def test_statuses_that_refuse(status: int, retry: bool) -> None:
    """403, 429 and 503 are ``blocked``; the last two are worth another attempt, unless the crawl expects them."""
    failure = blocked_status(status)
    assert failure is not None
    assert (failure.reason, failure.retry) == (Reason.BLOCKED, retry)
    assert status_failure(status, None) == failure
    assert status_failure(status, status) is None


@pytest.mark.parametrize("status", [200, 301, 401, 404, 500, 502])
def test_other_statuses_are_no_refusal(status: int) -> None:
    """They are the page's own failures, or none."""
    assert blocked_status(status) is None


@pytest.mark.parametrize("title", ["Just a moment...", " Attention Required! | Cloudflare ", "Robot Check"])
def test_titles_of_challenges(title: str) -> None:
    """A page whose whole title is a challenge's is none of the site's pages."""
    assert challenge(_reading(title=title), 200, crawl(), None) is not None
    assert challenge(_reading(title=f"{title} - a blog post about it"), 200, crawl(), None) is None


def test_a_challenge_is_one_under_any_settings_of_the_crawl() -> None:
    """What only challenge pages hold counts always; answered with 429 it is worth another attempt."""
    found = challenge(_reading(signs=(STRONG,)), 200, crawl(watch="#plans"), None)
    assert found == Failure(
        reason=Reason.BLOCKED, detail=f"the page is a challenge of {SIGNS[STRONG].vendor}", retry=False
    )
    later = challenge(_reading(signs=(STRONG,)), 429, crawl(), None)
    assert later is not None
    assert later.retry


def test_a_widget_counts_only_on_a_page_that_shows_nothing_else() -> None:
    """A CAPTCHA in a site's own form is no refusal; alone on a page, or where the wanted content is missing, it is."""
    assert challenge(_reading(signs=(WIDGET,)), 200, crawl(), None) is None
    assert challenge(_reading(signs=(WIDGET,), little=True), 200, crawl(watch="#login"), None) is None
    assert challenge(_reading(signs=(WIDGET,), little=True), 200, crawl(), None) is not None
    assert challenge(_reading(signs=(WIDGET,), little=True), 200, crawl(watch="#plans"), MISSED) is not None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:02:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 120.0),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:02:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, 999_999_999.0),
        ({"retry-after": "Fri, 99 Nov 99999 99:99:99 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date by the server's own clock; nonsense asks for nothing."""
    assert retry_after(headers) == seconds
