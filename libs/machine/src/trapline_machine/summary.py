"""What the command says at its end: a table, the failures, where the screenshots are."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trapline_common.domain.lifecycle import RunOutcome
from trapline_common.ledger.views.progress import RunReport

SHOWN = 10
"""Failures named per run; the rest are counted."""


def show(console: Console, reports: Sequence[RunReport], *, artifacts: Path) -> None:
    """Print the table and, below it, what a person needs to act."""
    if reports:
        console.print(_table(reports))
    for report in reports:
        if report.outcome in {RunOutcome.REFUSED, RunOutcome.CANCELLED}:
            console.print(Text(f"run {report.run_id} {report.crawl}: {report.outcome}: {report.reason}"))
        for page in report.failures[:SHOWN]:
            console.print(Text(f"failed: {page.url}: {page}"), soft_wrap=True)
        more = len(report.failures) - SHOWN
        if more > 0:
            console.print(Text(f"and {more} more: trapline show {report.run_id}"))
    if any(report.screenshots for report in reports):
        console.print(Text(f"screenshots: {artifacts}"), soft_wrap=True)


def _table(reports: Sequence[RunReport]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", justify="right")
    table.add_column("crawl", overflow="fold")
    for name in ("tasks", "done", "failed", "changes", "alerts", "seconds"):
        table.add_column(name, justify="right")
    for report in reports:
        failed = Text(str(report.failed), style="red" if report.failed else "")
        table.add_row(
            *(str(report.run_id), Text(report.crawl), str(report.total), str(report.done), failed),
            *(str(report.changes), str(report.alerts), f"{report.seconds:.1f}"),
        )
    return table


def exit_code(reports: Sequence[RunReport]) -> int:
    """Return 0 when every task is done, 1 when one failed, 2 when a run's pages were refused."""
    if any(report.outcome is RunOutcome.REFUSED for report in reports):
        return 2
    return 1 if any(report.failed for report in reports) else 0
