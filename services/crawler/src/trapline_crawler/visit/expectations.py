"""Whether a page that was read is a good visit. Pure.

Complaints are composed of the reading without secrets and of the crawl as it is written: no secret can be in one.
"""

from trapline_common.config.comparison import Operator, check, parse_comparison
from trapline_common.config.models import CrawlConfig
from trapline_common.config.number import decimal_sign
from trapline_common.config.patterns import Pattern
from trapline_common.config.steps import LoggedInCheck
from trapline_common.content.text import normalise
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.failures import status_failure
from trapline_crawler.visit.page_script import Reading

_SHOWN = 80
_ONE_IS_ENOUGH = frozenset({Operator.EQ, Operator.CONTAINS, Operator.MATCHES})
_MEDIA = {"image": "a picture", "video": "a video", "audio": "a sound"}
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
    if wanted.url is not None and not Pattern.parse(wanted.url).matches(url):
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
    if (media := _media(reading.content_type)) is not None and crawl.visual is None:
        return Failure(reason=Reason.DOWNLOAD, detail=media, retry=False)
    if reading.body == 0 and not reading.has_elements:
        # A blank page has nothing to watch, and as a baseline it would turn its own recovery into a change.
        return Failure(reason=Reason.NO_CONTENT, detail="the body is empty", retry=False)
    if reading.problems:
        return Failure(reason=Reason.SELECTOR, detail="; ".join(reading.problems), retry=reading.is_malformed)
    if complaints := _complaints(crawl, text or "", reading):
        return Failure(reason=Reason.EXPECTATION, detail="; ".join(complaints), retry=False)
    return None


def _media(kind: str) -> str | None:
    """Return why a document of this type has no text, or ``None``. SVG is text, and a document like others."""
    what = _MEDIA.get(kind.partition("/")[0])
    if what is None or kind == "image/svg+xml":
        return None
    compared = "; `visual: {}` compares it as a picture" if what == "a picture" else ""
    return f"the answer is {what} ({kind}) and no text{compared}"


def holds(text: str, wanted: str) -> bool:
    """Say whether a text holds ``wanted``, as a person reads both: whatever cannot be seen does not matter."""
    return " ".join(normalise(wanted).split()) in " ".join(normalise(text).split())


def unmet(crawl: CrawlConfig, name: str, comparison: str, value: str | None, language: str | None) -> str | None:
    """Return why a field is not what the crawl expects, or ``None``. ``language``: the page's own, of its ``lang``.

    Of a field with all matches each must meet ``<``, ``<=``, ``>``, ``>=``, ``!=`` and ``not_contains``; of the others
    one is enough.
    """
    wanted, sign = parse_comparison(comparison), decimal_sign(crawl.number_format, language)
    extract = crawl.extract.get(name)
    if value is None or extract is None or not extract.all:
        return check(wanted, value, sign=sign)
    complaints = [check(wanted, line, sign=sign) for line in value.split("\n")]
    found = [complaint for complaint in complaints if complaint is not None]
    if wanted.operator in _ONE_IS_ENOUGH and len(found) < len(complaints):
        return None
    return found[0] if found else None


def _complaints(crawl: CrawlConfig, text: str, reading: Reading) -> list[str]:
    found: list[str] = []
    expect = crawl.expect
    if expect.contains is not None and not holds(text, expect.contains):
        found.append(f"the text does not contain {_shown(expect.contains)!r}")
    if expect.not_contains is not None and holds(text, expect.not_contains):
        found.append(f"the text contains {_shown(expect.not_contains)!r}")
    for name, comparison in expect.fields.items():
        if complaint := unmet(crawl, name, comparison, reading.fields.get(name), reading.language):
            found.append(f"{name}: {complaint}")
    return found


def _shown(text: str) -> str:
    wanted = " ".join(text.split())
    return wanted if len(wanted) <= _SHOWN else wanted[: _SHOWN - 1] + "…"
