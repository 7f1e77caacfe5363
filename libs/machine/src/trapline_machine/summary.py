"""The end of `trapline crawl`: a table of the runs, their failures, where the screenshots are, and the exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trapline.exit_codes import ExitCode
from trapline_common.domain.lifecycle import RunOutcome
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.run_detail import (
    MUTED,
    FailureRow,
    Totals,
    run_alerts,
    run_failures,
    run_totals,
)
from trapline_common.ledger.views.runs import RunRow, find_runs
from trapline_common.platform.text import duration

SHOWN = 10
"""Failures named per run; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What became of a run."""

    run: RunRow
    """The run and its tasks."""
    totals: Totals
    """Its visits in numbers."""
    failures: tuple[FailureRow, ...]
    """Every page that failed, in the order in which they did."""
    alerts: int
    """Alerts that it caused; those that the crawl's ``alert`` leaves out do not count."""

    @property
    def left_out(self) -> str | None:
        """Return what was left out of its sitemap, in one line; ``None``: nothing."""
        return self.run.reason if self.run.outcome in {None, RunOutcome.COMPLETED} else None

    def as_json(self) -> dict[str, Any]:
        """Return the object of ``--json``."""
        return {
            "run_id": self.run.id,
            "crawl": self.run.crawl,
            "tasks": {"done": self.run.done, "failed": self.run.failed},
            "pages": self.totals.pages,
            "seconds": round(self.run.seconds, 3),
            "changes": self.run.changes,
            "failures": [
                {"url": failure.url, "reason": failure.reason, "detail": failure.detail} for failure in self.failures
            ],
            "alerts": self.alerts,
            **({} if self.left_out is None else {"left_out": self.left_out}),
        }


async def summarise(database: Database, run_ids: Sequence[int]) -> list[RunSummary]:
    """Return what became of the runs, in the order they were opened."""
    found = await find_runs(database, run_ids)
    return [
        RunSummary(
            run=run,
            totals=await run_totals(database, run.id),
            failures=await run_failures(database, run.id),
            alerts=sum(alerts.count for alerts in await run_alerts(database, run.id) if alerts.status != MUTED),
        )
        for _, run in sorted(found.items())
    ]


def show(console: Console, summaries: Sequence[RunSummary], *, artifacts: Path) -> None:
    """Print the table and, below it, what a person needs to act."""
    if summaries:
        console.print(_table(summaries))
    for summary in summaries:
        run = summary.run
        if run.outcome in {RunOutcome.REFUSED, RunOutcome.CANCELLED}:
            console.print(Text(f"run {run.id} {run.crawl}: {run.outcome}: {run.reason}"))
        elif summary.left_out is not None:
            console.print(Text(f"run {run.id} {run.crawl}: {summary.left_out}"), soft_wrap=True)
        for failure in summary.failures[:SHOWN]:
            console.print(Text(f"failed: {failure.url}: {failure.text}"), soft_wrap=True)
        more = len(summary.failures) - SHOWN
        if more > 0:
            console.print(Text(f"and {more} more: trapline show {run.id}"))
    if any(summary.totals.screenshots for summary in summaries):
        console.print(Text(f"screenshots: {artifacts}"), soft_wrap=True)


def _table(summaries: Sequence[RunSummary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", justify="right")
    table.add_column("crawl", overflow="fold")
    for name in ("tasks", "done", "failed", "changes", "alerts", "took"):
        table.add_column(name, justify="right")
    for summary in summaries:
        run = summary.run
        failed = Text(str(run.failed), style="red" if run.failed else "")
        table.add_row(
            *(str(run.id), Text(run.crawl), str(run.tasks), str(run.done), failed),
            *(str(run.changes), str(summary.alerts), duration(run.seconds)),
        )
    return table


def exit_code(summaries: Sequence[RunSummary]) -> ExitCode:
    """Return the exit code of a command that worked on these runs to their end."""
    if not summaries:
        return ExitCode.NOTHING_RUN
    if any(summary.run.outcome == RunOutcome.REFUSED for summary in summaries):
        return ExitCode.REFUSED
    return ExitCode.FAILED if any(summary.run.failed for summary in summaries) else ExitCode.DONE
