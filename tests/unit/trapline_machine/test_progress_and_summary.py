import io
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from rich.console import Console

from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.ledger.views.run_detail import FailureRow, Totals
from trapline_common.ledger.views.runs import RunRow
from trapline_machine.progress import PlainLines
from trapline_machine.progress_bars import ProgressBars
from trapline_machine.summary import RunSummary, exit_code, show

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def run_row(
    done: int,
    *,
    status: RunStatus = RunStatus.OPEN,
    failed: int = 0,
    total: int = 10,
    outcome: RunOutcome | None = None,
    reason: str | None = None,
    crawl: str = "docs",
) -> RunRow:
    return RunRow(
        id=7, crawl=crawl, lane="default", status=status, outcome=outcome, reason=reason, scheduled_for=None,
        retry_of=None, page_id=None, acted_by=None, created_at=AT, opened_at=AT, ended_at=None, seconds=1.24,
        waiting=total - done - failed, leased=0, done=done, failed=failed, changes=1,
    )  # fmt: skip


def failure(number: int) -> FailureRow:
    return FailureRow(
        url=f"https://site.example/{number}", reason="http_status", detail="status 500", status=500, final_url=None,
        attempts=1, at=AT, screenshot=None, html=None,
    )  # fmt: skip


def report(*, failed: int = 0, outcome: RunOutcome = RunOutcome.COMPLETED) -> RunSummary:
    return RunSummary(
        run=run_row(
            20 - failed, status=RunStatus.ENDED, failed=failed, total=20, outcome=outcome,
            reason="its sitemap is HTML" if outcome == RunOutcome.REFUSED else None, crawl="[bold]docs",
        ),
        totals=Totals(pages=20, bytes=None, median_ms=None, p95_ms=None, screenshots=3),
        failures=tuple(failure(number) for number in range(failed)),
        alerts=2,
    )  # fmt: skip


def seconds(step: float) -> Callable[[], float]:
    ticks = count(0.0, step)
    return lambda: next(ticks)


def test_a_pipe_gets_a_line_at_the_start_now_and_then_and_at_the_end():
    """Updates every two seconds make a line at the start, one after five seconds, and one at the end; then silence."""
    out = io.StringIO()
    lines = PlainLines(stream=out, clock=seconds(2.0))
    for done in (0, 1, 2, 6, 7):
        lines.update([run_row(done)])
    for _ in range(2):
        lines.update([run_row(9, status=RunStatus.ENDED, failed=1)])
    assert out.getvalue().splitlines() == [
        "run 7 docs: 10 tasks",
        "run 7 docs: 6 done, 0 failed of 10, 1.0 tasks/s",
        "run 7 docs: 9 done, 1 failed of 10, ended",
    ]


def test_an_opening_run_is_not_shown_yet():
    """A run whose tasks are not known yet has no progress to show."""
    out = io.StringIO()
    PlainLines(stream=out, clock=seconds(1.0)).update([run_row(0, status=RunStatus.OPENING)])
    assert not out.getvalue()


def test_a_terminal_gets_a_bar_and_alerts_above_it():
    """The bar names crawl, run and counts; a page's own square brackets are not taken for markup."""
    out = io.StringIO()
    bars = ProgressBars(Console(file=out, force_terminal=True, width=120))
    bars.update([run_row(4, failed=1)])
    bars.line("[bold]a line")
    bars.alerts().write("\x1b[31m[red]an alert\x1b[0m\n")
    bars.close()
    shown = out.getvalue()
    for part in ("docs #7", "4 done", "1 failed", "of 10", "[bold]a line", "[red]an alert"):
        assert part in shown


def test_the_end_names_ten_failures_and_counts_the_rest():
    """Twelve failures: ten with their reasons, the other two counted, with the command that shows them."""
    out = io.StringIO()
    show(Console(file=out, width=200), [report(failed=12)], artifacts=Path("/data/artifacts"))
    text = out.getvalue()
    assert text.count("http_status: status 500") == 10
    assert "and 2 more: trapline show 7" in text
    assert "[bold]docs" in text
    assert "1.2s" in text.splitlines()[1]
    assert "screenshots: /data/artifacts" in text


def test_the_exit_code_says_done_failed_or_refused():
    """0 when every task is done, 1 when one failed, 2 when a run was refused, 3 when there was none."""
    refused = report(outcome=RunOutcome.REFUSED)
    assert [
        exit_code(reports) for reports in ([], [report()], [report(), report(failed=1)], [report(failed=1), refused])
    ] == [
        3,
        0,
        1,
        2,
    ]


def test_json_has_the_fields_of_the_design_and_no_other():
    """One run's object: exactly what scripts were promised."""
    assert report(failed=1).as_json() == {
        "run_id": 7,
        "crawl": "[bold]docs",
        "tasks": {"done": 19, "failed": 1},
        "pages": 20,
        "seconds": 1.24,
        "changes": 1,
        "failures": [{"url": "https://site.example/0", "reason": "http_status", "detail": "status 500"}],
        "alerts": 2,
    }
