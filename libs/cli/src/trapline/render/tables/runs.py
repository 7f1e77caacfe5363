"""Runs as a table."""

from collections.abc import Sequence
from datetime import datetime

from trapline.render.local_time import minute
from trapline.render.table_cells import Row, changed_cell, failed_cell, state_cell
from trapline.render.table_layout import Column
from trapline_common.ledger.views.runs import RunRow
from trapline_common.platform.text import duration

_COLUMNS = (
    Column(title="RUN", right=True),
    Column(title="CRAWL", flexible=True, least=16),
    Column(title="STATE"),
    Column(title="OPENED"),
    Column(title="TOOK", right=True),
    Column(title="TASKS", right=True, spare=True),
    Column(title="DONE", right=True),
    Column(title="FAILED", right=True),
    Column(title="CHANGED", right=True),
    Column(title="NOTE", flexible=True, spare=True),
)


def state(run: RunRow) -> str:
    """Return the outcome of an ended run, the status of another."""
    return run.outcome or run.status


def progress(run: RunRow) -> str:
    """Return how far an open run is, in per cent; empty for one that ended or has no task."""
    if run.ended_at is not None or not run.tasks:
        return ""
    return f"{100 * (run.done + run.failed) // run.tasks}%"


def run_table(runs: Sequence[RunRow], _now: datetime) -> tuple[Sequence[Column], list[Row]]:
    """Return the columns and a row per run."""
    return _COLUMNS, [_row(run) for run in runs]


def _row(run: RunRow) -> Row:
    return (
        str(run.id),
        run.crawl,
        state_cell(state(run), progress(run)),
        minute(run.created_at),
        duration(run.seconds),
        run.tasks,
        run.done,
        failed_cell(run.failed),
        changed_cell(run.changes),
        remark(run),
    )


def remark(run: RunRow) -> str:
    """Return a run's note: why it ended so, or which run it retries."""
    return "; ".join(part for part in (part_of(run), run.reason or "") if part)


def part_of(run: RunRow) -> str:
    """Return of which part of its crawl it is a run; empty for one of all its pages."""
    if run.page_id is not None:
        return f"of page {run.page_id} alone"
    return "" if run.retry_of is None else f"retries run {run.retry_of}"
