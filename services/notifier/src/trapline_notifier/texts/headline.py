"""Headlines: what happened, of which crawl, how often."""

from collections.abc import Mapping, Sequence

from trapline_common.domain.ports import AlertRow
from trapline_common.platform.text import counted
from trapline_notifier.texts.safe_text import one_line

_WHAT: Mapping[str, tuple[str, str]] = {
    "failure": ("page failed", "pages failed"),
    "expectation": ("page is not as expected", "pages are not as expected"),
    "blocked": ("page is blocked", "pages are blocked"),
    "reminder": ("page still fails", "pages still fail"),
    "change": ("page changed", "pages changed"),
    "recovery": ("page is good again", "pages are good again"),
    "test": ("test alert", "test alerts"),
}
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


def headline(kind: str, crawl: str, rows: Sequence[AlertRow]) -> str:
    """Return one line for a whole message, its most important words first: ``pricing: 2 pages failed``."""
    name = one_line(crawl, 60)
    if kind == "summary":
        if len(rows) > 1:
            return f"{name}: {counted(len(rows), 'run')} ended"
        return f"{name}: {_run(rows[0])}"
    one, many = _WHAT.get(kind, ("alert", "alerts"))
    return f"{name}: {counted(len(rows), one, many)}"


def about(rows: Sequence[AlertRow]) -> str:
    """Return what a subject adds to the headline: the page, when the message is about one."""
    page = rows[0].payload.get("url") if len(rows) == 1 else None
    return f": {one_line(page)}" if page else ""


def _run(row: AlertRow) -> str:
    facts = row.payload
    if facts.get("outcome") not in {"completed", None}:
        return f"run {row.run_id} was {one_line(facts['outcome'], 30)}"
    return (
        f"run {row.run_id} ended, {facts.get('done', 0):,} done, {facts.get('failed', 0):,} failed, "
        f"{counted(int(facts.get('changes', 0)), 'change')}"
    )
