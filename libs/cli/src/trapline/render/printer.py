"""What commands print: styled lines on a terminal, plain ones elsewhere. Nothing in a text is taken for markup."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from trapline.render.safe_text import one_line, printable
from trapline.render.table_cells import Row
from trapline.render.table_layout import Column, layout


class Printer:
    """Standard output for a person. ``width`` is ``None`` when it is no terminal: then nothing is cut."""

    __slots__ = ("_console", "width")

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self.width = self._console.width if self._console.is_terminal else None

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line, cut to the terminal's width."""
        shown = Text(printable(text), style=style)
        shown.rstrip()
        if self.width is not None:
            shown.truncate(self.width, overflow="ellipsis")
        self._print(shown)

    def long_line(self, text: str, style: str = "") -> None:
        """Print a line that must be read to its end: the terminal wraps it."""
        self._print(Text(printable(text), style=style))

    def item(self, text: str, style: str = "") -> None:
        """Print one item of a list, wrapped between words."""
        line = f"  ! {printable(text)}"
        lines = [line] if self.width is None else wrap(line, self.width, subsequent_indent="    ")
        for part in lines:
            self._print(Text(part, style=style))

    def heading(self, text: str) -> None:
        """Print a section's title with a blank line before it."""
        self.line()
        self.line(text, "bold")

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Print names and values in two columns, without those that have no value; the terminal wraps a long value."""
        shown = [(name, value) for name, value in facts if value]
        wide = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self._print(Text.assemble((f"{name:<{wide}}  ", "dim"), one_line(value)))

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Print a table that fits the terminal; elsewhere as wide as it is."""
        table = layout(columns, rows, width=self.width)
        for segments in Segment.split_lines(self._console.render(table)):
            # Rich fills the last column up with blanks, which a program that reads the lines does not want
            line = Text.assemble(*((text, style or "") for text, style, _ in segments))
            line.rstrip()
            self._print(line)

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
