"""Numbers and kinds as a person says them."""

from collections.abc import Mapping, Sequence

from trapline_common.domain.ports import AlertRow
from trapline_notifier.texts.clean import one_line

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
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


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return ``3 pages``: the number with thousands separated, and the right form of the word."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: object) -> str | None:
    """Return ``2 days`` or ``3.4 s``: one unit, rounded, or ``None`` for what is no number of seconds."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        return None
    for length, unit in _UNITS:
        if seconds >= length:
            return plural(round(seconds / length), unit)
    return f"{seconds:.1f} s"


def headline(kind: str, crawl: str, rows: Sequence[AlertRow]) -> str:
    """Return one line for a whole message, its most important words first: ``pricing: 2 pages failed``."""
    name = one_line(crawl, 60)
    if kind == "summary":
        if len(rows) > 1:
            return f"{name}: {plural(len(rows), 'run')} ended"
        return f"{name}: {_run(rows[0])}"
    one, many = _WHAT.get(kind, ("alert", "alerts"))
    return f"{name}: {plural(len(rows), one, many)}"


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
        f"{plural(int(facts.get('changes', 0)), 'change')}"
    )
