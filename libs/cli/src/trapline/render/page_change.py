"""One change of a page as a person sees it."""

from trapline.render.local_time import moment
from trapline.render.printer import Printer
from trapline.render.safe_text import one_line
from trapline_common.ledger.views.difference import Difference
from trapline_common.ledger.views.pages import Change, PageRow

_STYLES = {"+": "green", "-": "red", "@": "cyan"}
"""Rich styles of a diff's lines, by their first character."""


def show_change(printer: Printer, page: PageRow, change: Change, compared: Difference, *, link: str = "") -> None:
    """Print the facts of a change, the fields that differ, its address, and the diff of the texts in colours."""
    before = f"run {change.baseline_run}, {moment(change.baseline_at)}" if change.baseline_run else "gone"
    printer.line(page.url, "bold")
    printer.facts(
        [
            ("crawl", page.crawl),
            ("title", change.title or ""),
            ("before", before),
            ("after", f"run {change.run_id}, {moment(change.at)}"),
            *((f"field {field.name}", f"{_value(field.old)} -> {_value(field.new)}") for field in compared.fields),
            ("see", link),
        ]
    )
    printer.line()
    if compared.diff is None:
        printer.line("the ledger no longer keeps the text before")
    elif not compared.diff:
        printer.line("the text is the same; only extracted fields differ")
    else:
        for line in compared.diff.split("\n"):
            printer.long_line(line, _STYLES.get(line[:1], ""))


def _value(value: str | None) -> str:
    return "(none)" if value is None else one_line(value)
