"""The status as a person sees it."""

from collections.abc import Sequence

from trapline.render.local_time import moment
from trapline.render.printer import Printer
from trapline.render.table_cells import Cell, Row, changed_cell, failed_cell, state_cell
from trapline.render.table_layout import Column
from trapline.render.tables.mutes import mute_table
from trapline.render.tables.runs import progress, remark, state
from trapline_common.ledger.views.status import FailingPage, LaneRow, LastRun, Status
from trapline_common.platform.text import ago, counted, duration

_LANES = (
    Column(title="LANE", flexible=True),
    Column(title="WAITING", right=True),
    Column(title="LATER", right=True, spare=True),
    Column(title="LEASED", right=True),
    Column(title="IDLE", right=True),
    Column(title="RUNNING", right=True),
    Column(title="CAP", right=True),
    Column(title="SHARE", right=True, spare=True),
    Column(title="PAGES AT ONCE", right=True, spare=True),
    Column(title="HOST DELAY", right=True, spare=True),
)
_OPEN = (
    Column(title="RUN", right=True),
    Column(title="CRAWL", flexible=True),
    Column(title="STATE"),
    Column(title="DONE", right=True),
    Column(title="FAILED", right=True),
    Column(title="LEFT", right=True),
    Column(title="CHANGED", right=True),
    Column(title="OPENED"),
    Column(title="NOTE", flexible=True, spare=True),
)
_LAST = (
    Column(title="CRAWL", flexible=True),
    Column(title="RUN", right=True),
    Column(title="OUTCOME"),
    Column(title="ENDED"),
    Column(title="TOOK", right=True, spare=True),
    Column(title="DONE", right=True),
    Column(title="FAILED", right=True),
    Column(title="CHANGED", right=True),
    Column(title="NOTE", flexible=True, spare=True),
)
_FAILING = (
    Column(title="CRAWL", flexible=True, least=12),
    Column(title="RUNS", right=True),
    Column(title="SINCE"),
    Column(title="ALERTED"),
    Column(title="PAGE", flexible=True, middle=True),
    Column(title="REASON", flexible=True, least=16),
    Column(title="KNOWN", flexible=True, spare=True),
)


def show_status(printer: Printer, status: Status, problems: Sequence[str]) -> None:
    """Print the verdict, then what it rests on; sections with nothing in them are left out."""
    if problems:
        printer.line(f"{counted(len(problems), 'thing needs', 'things need')} attention", "bold yellow")
        for line in problems:
            printer.item(line, "yellow")
    else:
        printer.line("all is well", "bold green")
    printer.line(f"at {moment(status.at)}; {_alerts(status)}", "dim")
    _show_channels(printer, status)
    if status.serving is not None and status.serving.stopped_at is None:
        serving = status.serving
        printer.line(f"serving {serving.file} ({serving.where}) since {moment(serving.started_at)}", "dim")
    if status.open_runs:
        printer.heading("Open runs")
        printer.table(_OPEN, _open_rows(status))
    if status.last_runs:
        printer.heading("Last run of each crawl")
        printer.table(_LAST, [_last(last, status) for last in status.last_runs])
    if status.failing:
        more = status.failing_total - len(status.failing)
        known = f", {status.failing_known:,} of them known" if status.failing_known else ""
        printer.heading(f"Failing pages{known}" + (f" (and {more:,} more; --limit shows them)" if more else ""))
        printer.table(_FAILING, [_failing(page, status) for page in status.failing])
    if status.mutes:
        printer.heading("Muted")
        printer.table(*mute_table(status.mutes, status.at))
    if status.lanes:
        printer.heading("Lanes")
        printer.table(_LANES, [_lane(lane) for lane in status.lanes])


def _show_channels(printer: Printer, status: Status) -> None:
    for channel in status.channels:
        if channel.failures:
            again = "with the next drain" if channel.next_try_at is None else moment(channel.next_try_at)
            printer.item(f"channel {channel.name}: {channel.due} wait; {channel.reason}; tried again {again}", "yellow")


def _alerts(status: Status) -> str:
    alerts = status.alerts
    sent = f"{counted(alerts.sent_last_day, 'alert')} sent in the last 24 h"
    return f"{sent}, {alerts.due:,} due, {alerts.refused:,} refused"


def _open_rows(status: Status) -> list[Row]:
    return [
        (
            str(run.id),
            run.crawl,
            state_cell(run.status, progress(run)),
            run.done,
            failed_cell(run.failed),
            run.waiting + run.leased,
            changed_cell(run.changes),
            ago(run.created_at, status.at),
            remark(run),
        )
        for run in status.open_runs
    ]


def _last(last: LastRun, status: Status) -> Row:
    run = last.run
    skipped = f"{counted(last.skipped_since, 'tick')} skipped since" if last.skipped_since else ""
    ticks = sum(missed.ticks for missed in status.missed if missed.crawl == run.crawl)
    missed = f"{counted(ticks, 'tick')} missed in the last 24 h" if ticks else ""
    return (
        run.crawl,
        str(run.id),
        state_cell(state(run)),
        ago(run.ended_at, status.at),
        duration(run.seconds),
        run.done,
        failed_cell(run.failed),
        changed_cell(run.changes),
        "; ".join(part for part in (skipped, missed, remark(run)) if part),
    )


def _failing(page: FailingPage, status: Status) -> Row:
    return (
        page.crawl,
        page.failures,
        ago(page.since, status.at),
        "yes" if page.alerted else "not yet",
        page.url,
        Cell(text=": ".join(part for part in (page.reason, page.detail) if part), style="red"),
        "muted" if page.muted else "" if page.acked_by is None else f"{page.acked_by}: {page.ack_reason}",
    )


def _lane(lane: LaneRow) -> Row:
    running = f"{lane.running} ({lane.stalled} stalled)" if lane.stalled else f"{lane.running}"
    return (
        lane.name,
        lane.waiting,
        lane.delayed or None,
        lane.leased,
        lane.idle,
        Cell(text=running, style="red" if lane.stalled else ""),
        lane.max_invocations,
        lane.tasks_per_invocation,
        lane.pages_in_flight,
        duration(lane.host_delay) if lane.host_delay else "",
    )
