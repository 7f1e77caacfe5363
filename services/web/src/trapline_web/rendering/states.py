"""Which shape and colour a state has, and its word. Pure."""

from trapline_common.ledger.views.crawls import CrawlRow, RunBar
from trapline_common.ledger.views.page_history import PageState
from trapline_common.ledger.views.run_screen import VisitRow
from trapline_common.ledger.views.runs import RunRow

_KINDS = {"failure": "bad", "expectation": "bad", "reminder": "bad", "change": "chg", "recovery": "ok"}
_STATUSES = {"succeeded": "ok", "failed": "bad", "orphaned": "bad", "running": "run", "ready": "run", "pending": "run"}


def kind_style(kind: str) -> str:
    """Return how an alert's kind is shown."""
    return _KINDS.get(kind, "mute")


def status_style(status: str) -> str:
    """Return how an invocation's status is shown."""
    return _STATUSES.get(status, "mute")


def run_state(run: RunRow | RunBar) -> tuple[str, str]:
    """Return how a run is shown, and its word."""
    if run.status != "ended":
        return "run", run.status
    if run.outcome == "completed":
        return ("bad", f"{run.failed} failed") if run.failed else ("ok", "well")
    return ("bad" if run.outcome == "refused" else "mute"), str(run.outcome)


def crawl_state(crawl: CrawlRow, last: RunBar | None) -> tuple[str, str]:
    """Return how a crawl is shown, and its word. ``last``: its newest run."""
    if crawl.gone:
        return "mute", "gone"
    if not crawl.enabled:
        return "mute", "switched off"
    if crawl.failing:
        return "bad", f"{crawl.failing} failing"
    if last is not None and last.outcome == "refused":
        return "bad", "refused"
    if crawl.under_way:
        return "run", "under way"
    return ("mute", "not crawled yet") if last is None else ("ok", "well")


def page_state(page: PageState) -> tuple[str, str]:
    """Return how a page is shown, and its word."""
    if page.failures:
        return "bad", "failing"
    return ("ok", "well") if page.baseline_at is not None else ("mute", "no good visit so far")


def visit_style(visit: VisitRow) -> str:
    """Return how a run's visit is shown."""
    if visit.state == "failed":
        return "bad"
    if visit.changed:
        return "chg"
    return {"done": "ok", "leased": "run"}.get(visit.state, "mute")


def visit_word(visit: VisitRow) -> str:
    """Return the word of a run's visit."""
    if visit.state == "failed":
        return visit.reason or "failed"
    if visit.changed:
        return "changed"
    return {"done": "done", "leased": "being visited"}.get(visit.state, "waiting")
