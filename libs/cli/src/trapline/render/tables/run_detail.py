"""One run as a person sees it."""

from trapline.render.local_time import moment
from trapline.render.printer import Printer
from trapline.render.safe_text import one_line
from trapline.render.table_cells import Cell
from trapline.render.table_layout import Column
from trapline.render.tables.runs import progress, state
from trapline_common.domain.picture import PictureOutcome
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger.views.run_detail import RunDetail, Totals
from trapline_common.ledger.views.runs import RunRow
from trapline_common.platform.text import byte_size, counted, duration

_FAILURES = (
    Column(title="URL", flexible=True, middle=True, least=30),
    Column(title="TRIES", right=True, spare=True),
    Column(title="REASON", flexible=True, least=30),
)
_MS = 1000


def show_run(printer: Printer, detail: RunDetail, *, limit: int, location: ArtifactLocation, link: str = "") -> None:
    """Print the run's facts and address, its failures with the locations of their screenshots, and its changes."""
    run = detail.run
    printer.line(f"Run {run.id} of {run.crawl}: {f'{state(run)} {progress(run)}'.strip()}", "bold")
    printer.facts(
        [
            ("note" if run.outcome in {None, "completed"} else "why", run.reason or ""),
            ("retries", f"run {run.retry_of}" if run.retry_of is not None and run.page_id is None else ""),
            ("page", f"{run.page_id} alone" if run.page_id is not None else ""),
            ("opened by", run.acted_by or ""),
            ("scheduled", moment(run.scheduled_for)),
            ("opened", moment(run.created_at)),
            ("ended", moment(run.ended_at)),
            ("took", duration(run.seconds)),
            ("lane", run.lane),
            ("execution", ", ".join(detail.executions)),
            ("tasks", _tasks(run)),
            ("pages", _pages(detail.totals)),
            ("changes", f"{run.changes:,}"),
            ("alerts", ", ".join(f"{item.count:,} {item.kind} {item.status}" for item in detail.alerts)),
            ("quiet", "; ".join(detail.muted)),
            ("see", link),
        ]
    )
    if detail.failures:
        printer.heading(_title("Failures", len(detail.failures), limit))
        printer.table(
            _FAILURES,
            [
                (
                    failure.url,
                    None if failure.attempts is None else failure.attempts + 1,
                    Cell(text=": ".join(part for part in (failure.reason, failure.detail) if part), style="red"),
                )
                for failure in detail.failures
            ],
        )
        for failure in detail.failures:
            if failure.screenshot:
                printer.long_line(f"  screenshot of {failure.url}: {location(failure.screenshot)}", "dim")
    if detail.changes:
        printer.heading(_title("Changes", len(detail.changes), limit))
        for change in detail.changes:
            printer.long_line(change.url, "magenta")
            if change.picture is not None and change.picture.outcome == PictureOutcome.CHANGED:
                printer.long_line(f"  picture: {change.picture.text}")
        printer.line("`trapline diff URL` shows what changed", "dim")
    if detail.uncompared:
        printer.heading(_title("Pictures that were not compared", len(detail.uncompared), limit))
        for one in detail.uncompared:
            printer.long_line(one.url, "yellow")
            printer.long_line(f"  {one_line(one.picture.text)}")


def _title(name: str, count: int, limit: int) -> str:
    return f"{name} (the first {limit:,}; --limit shows more)" if count == limit else name


def _tasks(run: RunRow) -> str:
    parts = [(run.done, "done"), (run.failed, "failed"), (run.leased, "leased"), (run.waiting, "waiting")]
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or "none"


def _pages(totals: Totals) -> str:
    if not totals.pages:
        return "none visited yet"
    parts = [counted(totals.pages, "visit"), byte_size(totals.bytes)]
    if totals.median_ms is not None and totals.p95_ms is not None:
        half, most = duration(totals.median_ms / _MS), duration(totals.p95_ms / _MS)
        parts.append(f"half took at most {half}, 95% at most {most}")
    return ", ".join(part for part in parts if part)
