"""Each screen's first sentence: the answer to what it is opened for. Pure."""

from dataclasses import dataclass

from trapline_common.ledger.views.crawls import CrawlRow
from trapline_common.ledger.views.page_history import PageState
from trapline_common.ledger.views.runs import RunRow
from trapline_common.ledger.views.screens.lists import (
    AlertsScreen,
    ChangesScreen,
    FailuresScreen,
    PagesScreen,
    RunsScreen,
)
from trapline_common.ledger.views.screens.machine import InvocationsScreen, LanesScreen
from trapline_common.ledger.views.screens.overview import Overview
from trapline_common.platform.text import counted, duration
from trapline_web.rendering.texts import money, one_line, url_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether all is well."""

    style: str
    """``ok``, ``bad`` or ``warn``."""
    sentence: str
    """The answer."""
    lines: tuple[str, ...]
    """What needs a person."""
    rest: str
    """Where nothing does: what was looked at."""


def verdict(screen: Overview) -> Verdict:
    """Return the overview's answer."""
    if not screen.crawls and not screen.problems:
        return Verdict(style="warn", sentence="Nothing was crawled yet", lines=(), rest="")
    other = [line for line in screen.problems if not (screen.failing_total and line.endswith("see below"))]
    failing = screen.failing_total - screen.failing_known
    if failing:
        fails = counted(failing, "page fails", "pages fail")
        rest = (
            f", and {counted(len(other), 'more thing needs', 'more things need')} you"
            if other
            else "; the rest is fine"
        )
        return Verdict(style="bad", sentence=fails + rest, lines=tuple(other), rest=_rest(screen))
    if other:
        return Verdict(
            style="bad",
            sentence=f"{counted(len(other), 'thing needs', 'things need')} you",
            lines=tuple(other),
            rest="",
        )
    if screen.failing_known:
        known = f"All is well but {counted(screen.failing_known, 'page')} of which somebody knows"
        return Verdict(style="warn", sentence=known, lines=(), rest=_rest(screen))
    return Verdict(style="ok", sentence="All is well", lines=(), rest=_rest(screen))


def _rest(screen: Overview) -> str:
    told = (
        "every alert was delivered" if not screen.alerts.due else counted(screen.alerts.due, "alert is", "alerts are")
    )
    told += " on its way" if screen.alerts.due else ""
    well = f"{screen.pages_total - screen.failing_total} of {counted(screen.pages_total, 'page')} are well"
    return f"{well}; no lane waits without a worker; {told}."


def run_sentence(run: RunRow) -> str:
    """Return a run's answer."""
    name = f"Run {run.id} of {one_line(run.crawl)}"
    if run.status == "opening":
        return f"{name} is being opened"
    if run.status == "open":
        return f"{name} goes on: {run.tasks_ended} of {run.tasks} done"
    if run.outcome != "completed":
        return f"{name} was {run.outcome}"
    parts = [f"{run.done} done"]
    parts += [f"{run.failed} failed"] if run.failed else []
    parts += [f"{run.changes} changed"] if run.changes else ["nothing changed"]
    return f"{name}: {', '.join(parts)}"


def page_sentence(page: PageState) -> str:
    """Return a page's answer."""
    name = one_line(page.title) or url_path(page.url)
    if page.failures:
        lasting = "" if page.since is None else f" for {duration((page.at - page.since).total_seconds())}"
        return f"{name} fails{lasting}"
    if not page.visits:
        return f"{name} was never visited"
    if not page.changes:
        return f"{name} is well and did not change"
    return f"{name} is well; it changed {counted(page.changes, 'time')}"


def crawl_sentence(crawl: CrawlRow) -> str:
    """Return a crawl's answer."""
    name = one_line(crawl.name)
    if crawl.gone:
        return f"{name} is gone from its file"
    if not crawl.enabled:
        return f"{name} is switched off"
    if crawl.failing:
        return f"{name}: {crawl.failing} of {counted(crawl.pages, 'page')} {'fails' if crawl.failing == 1 else 'fail'}"
    return f"{name}: every page is well" if crawl.pages else f"{name} was not crawled yet"


def runs_sentence(screen: RunsScreen) -> str:
    """Return the answer of the list of runs."""
    bad = sum(1 for run in screen.runs if run.failed or run.outcome == "refused")
    going = sum(1 for run in screen.runs if run.status != "ended")
    if not screen.runs:
        return "No run so far"
    found = f"{bad} of the newest {counted(len(screen.runs), 'run')} had a failure" if bad else "No run had a failure"
    return f"{found}; {counted(going, 'goes', 'go')} on" if going else found


def pages_sentence(screen: PagesScreen) -> str:
    """Return the answer of the list of pages."""
    failing = sum(1 for page in screen.pages if page.failures and not page.gone)
    if not screen.total:
        return "No page so far"
    verb = "fails" if failing == 1 else "fail"
    return (
        f"{failing} of {counted(screen.total, 'page')} {verb}"
        if failing
        else f"{counted(screen.total, 'page')}, none fails"
    )


def changes_sentence(screen: ChangesScreen) -> str:
    """Return the answer of the list of changes."""
    if not screen.changes:
        return "Nothing changed so far"
    newest = duration((screen.at - screen.changes[0].at).total_seconds())
    pages = len({card.page_id for card in screen.changes})
    return f"{counted(len(screen.changes), 'change')} of {counted(pages, 'page')}, the newest {newest} ago"


def failures_sentence(screen: FailuresScreen, reasons: int) -> str:
    """Return the answer of the failures."""
    if not screen.total:
        return "No page fails"
    fails = counted(screen.total, "page fails", "pages fail")
    return f"{fails} for {counted(reasons, 'reason')}"


def lanes_sentence(screen: LanesScreen) -> str:
    """Return the answer of the lanes."""
    stuck = [lane for lane in screen.lanes if lane.waiting and not lane.idle + lane.running]
    silent = sum(lane.stalled for lane in screen.lanes)
    if stuck:
        return f"{one_line(stuck[0].name)} waits, and no invocation works"
    if silent:
        return f"{counted(silent, 'invocation')} stopped beating"
    waiting = sum(lane.waiting for lane in screen.lanes)
    running = sum(lane.running for lane in screen.lanes)
    if waiting or running:
        return f"The machine works: {counted(running, 'invocation')} running, {counted(waiting, 'task')} waiting"
    return "The machine is at rest: nothing waits" if screen.lanes else "No lane so far"


def invocations_sentence(screen: InvocationsScreen) -> str:
    """Return the answer of the invocations."""
    counts: dict[str, int] = {}
    for row in screen.counts:
        counts[row.status] = counts.get(row.status, 0) + row.count
    bad = counts.get("failed", 0) + counts.get("orphaned", 0)
    active = sum(counts.get(status, 0) for status in ("created", "pending", "ready", "running"))
    ended = sum(counts.values()) - active
    return f"{counted(active, 'invocation')} active; {bad} of {ended} ended badly in the last 24 hours"


def alerts_sentence(screen: AlertsScreen) -> str:
    """Return the answer of the alerts."""
    counts = screen.counts
    if counts.refused:
        return f"{counted(counts.refused, 'alert was', 'alerts were')} refused by a channel"
    if counts.due:
        wait = "" if counts.oldest_due_seconds is None else f", the oldest for {duration(counts.oldest_due_seconds)}"
        return f"{counted(counts.due, 'alert waits', 'alerts wait')} to be sent{wait}"
    return "Every alert was delivered" if screen.alerts else "No alert so far"


def costs_sentence(seconds: float, dollars: float, days: int) -> str:
    """Return the answer of the costs."""
    if not seconds:
        return f"No browser ran in the last {days} days"
    return f"Browsers ran for {duration(seconds)} in {days} days: about {money(dollars)} on Lambda"
