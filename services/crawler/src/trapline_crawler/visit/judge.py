"""Whether a page that was read is a good visit. Pure."""

from trapline_common.config.comparison import check, parse_comparison
from trapline_common.config.models import CrawlConfig, Expect
from trapline_common.observation import Failure, Reason
from trapline_crawler.visit.failures import status_failure
from trapline_crawler.visit.script import Reading

_SHOWN = 80


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
