"""What commands print: styled lines on a terminal, plain ones elsewhere. Nothing in a text is taken for markup."""

import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from trapline.render.safe_text import one_line, printable
from trapline.render.tables.layout import Column, Row, layout

STYLES = {
    "done": "green",
    "succeeded": "green",
    "completed": "green",
    "sent": "green",
    "open": "cyan",
    "running": "cyan",
    "leased": "cyan",
    "ready": "cyan",
    "opening": "yellow",
    "pending": "yellow",
    "skipped": "yellow",
    "cancelled": "yellow",
    "terminated": "yellow",
    "due": "yellow",
    "failed": "red",
    "orphaned": "red",
    "refused": "red",
}
"""A style for each status and outcome of the ledger that has one."""


class Screen:
    """Standard output as a person sees it. ``width`` is ``None`` when it is no terminal: then nothing is cut."""

    __slots__ = ("_console", "width")

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self.width = self._console.width if self._console.is_terminal else None

    def line(self, text: Text | str = "", style: str = "") -> None:
        """Print one line, cut to the terminal's width."""
        shown = Text(printable(text), style=style) if isinstance(text, str) else text
        shown.rstrip()
        if self.width is not None:
            shown.truncate(self.width, overflow="ellipsis")
        self._console.print(shown, soft_wrap=True)

    def long_line(self, text: str, style: str = "") -> None:
        """Print a line that must be read to its end: the terminal wraps it."""
        self._console.print(Text(printable(text), style=style), soft_wrap=True)

    def item(self, text: str, style: str = "") -> None:
        """Print one item of a list, wrapped between words."""
        line = f"  ! {printable(text)}"
        lines = [line] if self.width is None else wrap(line, self.width, subsequent_indent="    ")
        for part in lines:
            self._console.print(Text(part, style=style), soft_wrap=True)

    def heading(self, text: str) -> None:
        """Print a section's title with a blank line before it."""
        self.line()
        self.line(text, "bold")

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Print names and values in two columns, without those that have no value."""
        shown = [(name, value) for name, value in facts if value]
        wide = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self._console.print(Text.assemble((f"{name:<{wide}}  ", "dim"), one_line(value)), soft_wrap=True)

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Print a table that fits the terminal; elsewhere as wide as it is."""
        for line in layout(columns, rows, width=self.width):
            self._console.print(line, soft_wrap=True)


def note(text: str) -> None:
    """Print a line about the command itself, on standard error, so that piped output holds only what was asked for."""
    print("\n".join(printable(line) for line in text.splitlines()), file=sys.stderr)
