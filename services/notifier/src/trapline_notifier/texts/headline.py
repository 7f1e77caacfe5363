"""Headlines: what happened, of which crawl, to how many pages."""

from collections.abc import Mapping, Sequence

from trapline_common.domain.ports import AlertRow
from trapline_common.platform.text import counted
from trapline_notifier.texts.safe_text import one_line
from trapline_notifier.texts.telling import Telling, pages

_WHAT: Mapping[str, tuple[str, str]] = {
    "failure": ("page failed", "pages failed"),
    "expectation": ("page is not as expected", "pages are not as expected"),
    "blocked": ("page is blocked", "pages are blocked"),
    "reminder": ("page still fails", "pages still fail"),
    "change": ("page changed", "pages changed"),
    "recovery": ("page is good again", "pages are good again"),
    "test": ("test alert", "test alerts"),
}
_OVER = ("page failed and is good again", "pages failed and are good again")
"""Of recoveries whose failures were not told before."""
MARKS: Mapping[str, str] = {
    "failure": "🔴",
    "expectation": "🔴",
    "blocked": "🔴",
    "reminder": "🔴",
    "change": "🔵",
    "recovery": "🟢",
    "summary": "⚪",
    "test": "⚪",
}


def headline(kind: str, crawl: str, told: Sequence[Telling[AlertRow]]) -> str:
    """Return one line for a whole message, its most important words first: ``pricing: 2 pages failed``."""
    name = one_line(crawl, 60)
    if kind == "summary":
        if len(told) > 1:
            return f"{name}: {counted(len(told), 'run')} ended"
        return f"{name}: {_run(told[0].last)}"
    one, many = _WHAT.get(kind, ("alert", "alerts"))
    if kind == "recovery" and all(each.failed_before for each in told):
        one, many = _OVER
    count = counted_things(kind, told)
    if told[0].last.joined:  # an earlier message told of the same cause
        one, many = f"more {one}", f"more {many}"
    more = f", {len(told)} times" if kind in _WHAT and len(told) > count else ""
    return f"{name}: {counted(count, one, many)}{more}"


def counted_things(kind: str, told: Sequence[Telling[AlertRow]]) -> int:
    """Return what a headline counts: pages, where the kind is about pages; else what is told."""
    return pages(told) if kind in _WHAT else len(told)


def more(kind: str, left: int) -> str:
    """Return how many of the tellings of this kind are not shown, in words."""
    if kind == "summary":
        return counted(left, "more run", "more runs")
    if kind == "change":
        return counted(left, "more change", "more changes")
    return counted(left, "more page", "more pages") if kind in _WHAT else counted(left, "more alert", "more alerts")


def about(told: Sequence[Telling[AlertRow]]) -> str:
    """Return what a subject adds to the headline: the page, when the message is about one."""
    page = told[0].last.payload.get("url") if pages(told) == 1 else None
    return f": {one_line(page)}" if page else ""


def _run(row: AlertRow) -> str:
    facts = row.payload
    if facts.get("outcome") not in {"completed", None}:
        return f"run {row.run_id} was {one_line(facts['outcome'], 30)}"
    return (
        f"run {row.run_id} ended, {facts.get('done', 0):,} done, {facts.get('failed', 0):,} failed, "
        f"{counted(int(facts.get('changes', 0)), 'change')}"
    )
