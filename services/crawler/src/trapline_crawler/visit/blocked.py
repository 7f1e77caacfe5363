"""Whether a site shut the crawler out: by its status, or by a challenge instead of the page. Pure."""

import re
from collections.abc import Mapping

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.challenge_signs import SIGNS
from trapline_crawler.visit.header_values import moment, whole_number
from trapline_crawler.visit.page_script import Reading

_TITLES = re.compile(
    r"just a moment\.{3}|attention required! \| cloudflare|robot check|are you a robot\??|human verification"
    r"|verify(ing)? (that )?you are (a )?human\.*|pardon our interruption\.*",
    re.IGNORECASE,
)
"""Whole titles of challenge pages: Cloudflare's two, Amazon's, Imperva's, and common ones of others."""

LONGEST_RETRY_AFTER = 999_999_999.0
"""Seconds that are read at most; of these ``ledger.hosts`` keeps a day, and no page waits for more than an hour."""

_STATUSES = frozenset({403, 429, 503})
_LATER = frozenset({429, 503})


def blocked_status(status: int) -> Failure | None:
    """Return that a site refused the crawler by its status; 429 and 503 are worth another attempt, later."""
    if status not in _STATUSES:
        return None
    return Failure(reason=Reason.BLOCKED, detail=f"status {status}", retry=status in _LATER)


def challenge(reading: Reading, status: int | None, crawl: CrawlConfig, failure: Failure | None) -> Failure | None:
    """Return that the page is a challenge, or ``None``. ``failure``: why the visit failed so far."""
    if _TITLES.fullmatch(reading.title.strip()):
        return _challenged(f"the page is a challenge, {reading.title.strip()[:60]!r}", status)
    asked = crawl.watch is not None or crawl.wait_for is not None or crawl.expect.contains is not None
    weak = reading.little_text and (failure is not None or not asked)
    for number in reading.signs:
        sign = SIGNS[number]
        if weak or not sign.widget:
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
