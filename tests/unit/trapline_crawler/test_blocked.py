"""Which answers are taken for a refusal, and which are not."""

import pytest

from support.crawling import crawl
from trapline_common.domain.observation import Failure, Reason, Timings
from trapline_crawler.visit.blocked import blocked_status, challenge, retry_after
from trapline_crawler.visit.challenge_signs import SIGNS, sign_of_title
from trapline_crawler.visit.failures import status_failure
from trapline_crawler.visit.page_script import Reading


def _reading(*, title: str = "Prices", signs: tuple[int, ...] = (), shown: int = 100) -> Reading:
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
        shown=shown,
        timings=Timings(),
    )


WIDGET = next(number for number, sign in enumerate(SIGNS) if sign.widget)
STRONG = next(number for number, sign in enumerate(SIGNS) if "orchestrate" in sign.selector)
MISSED = Failure(reason=Reason.SELECTOR, detail="watch: nothing matches '#plans'", retry=False)
EXPECTED = crawl(watch="h1", expect={"contains": "per month"})
LONG = 5_000


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


@pytest.mark.parametrize(
    "title",
    [
        "Just a moment...",
        " Attention Required! | Cloudflare ",
        "Robot Check",
        "Making sure you're not a bot!",
        "Making sure you\u2019re not a bot!",
        "DDoS-Guard",
        "Vercel Security Checkpoint",
        "Access to this page has been denied",
        "Pardon Our Interruption",
        "Sucuri WebSite Firewall - Access Denied",
        "Checking your browser before accessing shop.example",
        "Human Verification",
        "Please wait...",
        "Client Challenge",
        "Robot Challenge Screen",
        "Request Rejected",
        "Access Denied",
        "Checking you are not a bot",
        "Establishing a secure connection ...",
        "Captcha Interception",
    ],
)
def test_titles_of_challenges(title: str) -> None:
    """A short page whose whole title is a wall's is none of the site's pages, whatever of it is watched."""
    for config in (crawl(), crawl(watch="h1"), crawl(wait_for="h1")):
        assert challenge(_reading(title=title), 200, config, None, {}) is not None
    assert challenge(_reading(title=f"{title} - a blog post about it"), 200, crawl(), None, {}) is None


def test_a_page_that_speaks_of_walls_is_none() -> None:
    """Neither a long page with a wall's title is one, nor any page that shows what the crawl expects of it."""
    titled = _reading(title="Human verification", shown=LONG)
    assert challenge(titled, 200, crawl(), None, {}) is None
    assert challenge(titled, 200, crawl(watch="#plans"), MISSED, {}) is None
    assert challenge(_reading(title="Human verification"), 200, EXPECTED, None, {}) is None
    assert challenge(_reading(signs=(STRONG,)), 200, EXPECTED, None, {}) is None
    assert challenge(_reading(signs=(STRONG,), shown=LONG), 200, crawl(watch="#plans"), None, {}) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"cf-mitigated": "challenge"}, 200),
        ({"x-amzn-waf-action": "challenge"}, 202),
        ({"x-amzn-waf-action": "captcha"}, 405),
        ({"x-vercel-mitigated": "challenge"}, 429),
    ],
)
def test_headers_that_only_walls_have(headers: dict[str, str], status: int) -> None:
    """Such an answer is a wall with any status, whatever it shows."""
    found = challenge(_reading(shown=LONG), status, EXPECTED, None, headers)
    assert found is not None
    assert (found.reason, found.retry) == (Reason.BLOCKED, status in {429, 503})
    assert challenge(_reading(), status, crawl(), None, dict.fromkeys(headers, "deny")) is None


def test_a_challenge_is_one_whatever_of_it_is_watched() -> None:
    """What only challenge pages hold counts although the watched part is there; with 429 it is worth another try."""
    found = challenge(_reading(signs=(STRONG,)), 200, crawl(watch="#plans"), None, {})
    assert found == Failure(
        reason=Reason.BLOCKED, detail=f"the page is a challenge of {SIGNS[STRONG].vendor}", retry=False
    )
    assert challenge(_reading(signs=(STRONG,), shown=LONG), 200, crawl(watch="#plans"), MISSED, {}) == found
    later = challenge(_reading(signs=(STRONG,)), 429, crawl(), None, {})
    assert later is not None
    assert later.retry


def test_a_widget_counts_only_on_a_page_that_shows_nothing_else() -> None:
    """A CAPTCHA in a site's own form is no refusal; alone on a page, or where the wanted content is missing, it is."""
    assert challenge(_reading(signs=(WIDGET,), shown=LONG), 200, crawl(), None, {}) is None
    assert challenge(_reading(signs=(WIDGET,)), 200, crawl(watch="#login"), None, {}) is None
    assert challenge(_reading(signs=(WIDGET,)), 200, crawl(), None, {}) is not None
    assert challenge(_reading(signs=(WIDGET,)), 200, crawl(watch="#plans"), MISSED, {}) is not None


def test_each_sign_has_one_way_to_be_known_and_a_source() -> None:
    """The table says of each row whose wall it is, and where its one sign is written; everyday titles are none."""
    for sign in SIGNS:
        ways = (sign.selector != ":not(*)", bool(sign.title), bool(sign.header[0]))
        assert sum(ways) == 1, sign
        assert sign.vendor
        assert len(sign.source) > 10
    for title in ("Access denied: how to mend permissions", "Prices", "", "Please wait for the bus", "Security"):
        assert sign_of_title(title) is None


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
