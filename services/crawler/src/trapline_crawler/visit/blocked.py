"""Whether a site shut the crawler out: by its status, or by a challenge instead of the page. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.challenge_signs import SIGNS
from trapline_crawler.visit.page_script import Reading

_TITLES = re.compile(
    r"just a moment\.{3}|attention required! \| cloudflare|robot check|are you a robot\??|human verification"
    r"|verify(ing)? (that )?you are (a )?human\.*|pardon our interruption\.*",
    re.IGNORECASE,
)
"""Whole titles of challenge pages: Cloudflare's two, Amazon's, Imperva's, and common ones of others."""

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
    """Return the seconds that ``Retry-After`` asks for; ``headers`` with names in lower case.

    A date is compared with the answer's own ``Date``, so that this machine's clock does not matter. ``None`` when there
    is no value that can be read.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return float(min(int(text[:9]), 10**9))
    until, sent = _moment(text), _moment(headers.get("date", ""))
    return None if until is None or sent is None else max(0.0, (until - sent).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
