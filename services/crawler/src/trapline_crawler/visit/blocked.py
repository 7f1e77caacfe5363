"""Whether a site shut the crawler out: by its status, or by a challenge instead of the page. Pure."""

from collections.abc import Mapping

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.challenge_signs import LITTLE, SIGNS, WALL, sign_of_headers, sign_of_title
from trapline_crawler.visit.header_values import moment, whole_number
from trapline_crawler.visit.page_script import Reading

LONGEST_RETRY_AFTER = 999_999_999.0
"""Seconds that are read at most; of these ``ledger.hosts`` keeps a day, and no page waits for more than an hour."""

_STATUSES = frozenset({403, 429, 503})
_LATER = frozenset({429, 503})


def blocked_status(status: int) -> Failure | None:
    """Return that a site refused the crawler by its status; 429 and 503 are worth another attempt, later."""
    if status not in _STATUSES:
        return None
    return Failure(reason=Reason.BLOCKED, detail=f"status {status}", retry=status in _LATER)


def challenge(
    reading: Reading, status: int | None, crawl: CrawlConfig, failure: Failure | None, headers: Mapping[str, str]
) -> Failure | None:
    """Return that the page is a wall, or ``None``. ``failure``: why the visit fails without that.

    A header that only walls have is enough. Other signs are not where the page shows what the crawl expects of it, nor
    a title or an element on a page with more text than a wall has: such a page speaks of walls. What is watched is no
    proof by itself, since a wall has a heading too.
    """
    if sign := sign_of_headers(headers):
        return _challenged(f"the page is a challenge of {sign.vendor}", status)
    expected = failure is None and (crawl.expect.contains is not None or bool(crawl.expect.fields))
    if expected:
        return None
    asked = crawl.watch is not None or crawl.wait_for is not None
    if (sign := sign_of_title(reading.title)) and reading.shown <= WALL:
        return _challenged(f"the page is a challenge of {sign.vendor}, {reading.title.strip()[:60]!r}", status)
    for number in reading.signs:
        sign = SIGNS[number]
        if sign.widget:
            counts = reading.shown < LITTLE and (failure is not None or not asked)
        else:
            counts = reading.shown <= WALL or failure is not None or not asked
        if counts:
            return _challenged(f"the page is a challenge of {sign.vendor}", status)
    return None


def _challenged(detail: str, status: int | None) -> Failure:
    return Failure(reason=Reason.BLOCKED, detail=detail, retry=status in _LATER)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, never less than 0; ``headers`` with names in lower case.

    A date is compared with the answer's own ``Date``, so that this machine's clock does not matter. ``None`` when there
    is no value that can be read.
    """
    text = headers.get("retry-after", "")
    seconds: float | None = whole_number(text)
    if seconds is None:
        until, sent = moment(text), moment(headers.get("date", ""))
        seconds = None if until is None or sent is None else until - sent
    return None if seconds is None else min(max(0.0, float(seconds)), LONGEST_RETRY_AFTER)
