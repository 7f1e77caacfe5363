"""Whether a page that was read is a good visit. Pure.

Complaints are composed of the reading without secrets and of the crawl as it is written: no secret can be in one.
"""

from trapline_common.config.comparison import check, parse_comparison
from trapline_common.config.models import CrawlConfig, Expect
from trapline_common.config.patterns import Pattern
from trapline_common.config.steps import LoggedInCheck
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.failures import status_failure
from trapline_crawler.visit.page_script import Reading

_SHOWN = 80
_DENIED = frozenset({401, 403})
"""Statuses that a site may answer with when a session is over."""


def logged_out(reading: Reading, status: int | None, crawl: CrawlConfig, *, url: str | None = None) -> Failure | None:
    """Return that ``logged_in_check`` failed, or ``None`` when it holds or there is none.

    ``reading`` holds no secret, and its ``url`` is the one for people; ``url``, compared where it is given, is the one
    that the browser told. A page that failed for another reason, and so does not show whether the session holds, is not
    taken for a log-out.
    """
    wanted = crawl.logged_in_check
    if wanted is None or reading.too_long or (reading.body == 0 and not reading.has_elements):
        return None
    if status not in _DENIED and status_failure(status, crawl.expect.status):
        return None
    missed = _missed(wanted, reading, url or reading.url)
    return Failure(reason=Reason.LOGGED_OUT, detail="; ".join(missed), retry=False) if missed else None


def _missed(wanted: LoggedInCheck, reading: Reading, url: str) -> list[str]:
    found: list[str] = []
    if wanted.selector is not None and not reading.check_selector:
        found.append(f"nothing matches {wanted.selector!r}")
    if wanted.url is not None and not Pattern.parse(wanted.url).matches(url.partition("#")[0]):
        found.append(f"the page is at {reading.url!r}, not at {wanted.url!r}")
    if wanted.contains is not None and not reading.check_contains:
        found.append(f"the page does not say {wanted.contains!r}")
    return found


def judge(reading: Reading, text: str | None, status: int | None, crawl: CrawlConfig) -> Failure | None:
    """Return why the visit failed, the most telling reason first, or ``None``. ``text`` is the normalised text."""
    if failure := status_failure(status, crawl.expect.status):
        return failure
    if reading.too_long:
        return Failure(reason=Reason.TOO_LARGE, detail=f"{reading.size} bytes", retry=False)
    if reading.body == 0 and not reading.has_elements:
        # A blank page has nothing to watch, and as a baseline it would turn its own recovery into a change.
        return Failure(reason=Reason.NO_CONTENT, detail="the body is empty", retry=False)
    if reading.problems:
        return Failure(reason=Reason.SELECTOR, detail="; ".join(reading.problems), retry=False)
    if complaints := _complaints(crawl.expect, text or "", reading.fields):
        return Failure(reason=Reason.EXPECTATION, detail="; ".join(complaints), retry=False)
    return None


def _complaints(expect: Expect, text: str, fields: dict[str, str | None]) -> list[str]:
    found: list[str] = []
    if expect.contains is not None:
        wanted = " ".join(expect.contains.split())
        if wanted not in " ".join(text.split()):
            shown = wanted if len(wanted) <= _SHOWN else wanted[: _SHOWN - 1] + "…"
            found.append(f"the text does not contain {shown!r}")
    for name, comparison in expect.fields.items():
        if complaint := check(parse_comparison(comparison), fields.get(name)):
            found.append(f"{name}: {complaint}")
    return found
