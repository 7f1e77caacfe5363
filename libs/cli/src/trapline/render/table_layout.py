"""Tables: which columns fit a terminal's width, and how a URL is cut. Rich measures, aligns and draws."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from trapline.render.safe_text import one_line
from trapline.render.table_cells import Cell, Row

_GAP = 2
"""Blanks between two columns."""
_LEAST = 10
"""Terminal cells a flexible column keeps, one more or less, however narrow the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. It is not shown when all its cells are empty."""

    title: str
    """The header, in capitals."""
    right: bool = False
    """Aligned to the right, for numbers."""
    flexible: bool = False
    """Cut when the terminal is narrow; the other columns are whole or left out."""
    spare: bool = False
    """Left out before a flexible column gets narrower than its ``least``."""
    middle: bool = False
    """Cut in the middle, since the end of a URL says most."""
    least: int = 24
    """Terminal cells a flexible column needs to be readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filled:
    """A column with its cells."""

    column: Column
    """As the caller describes it."""
    cells: list[Text]
    """A harmless text of one line per row."""
    wide: int
    """Terminal cells of the widest text, the title included."""

    def at_least(self, cells: int) -> int:
        """Return the width that it keeps when a flexible column may be narrowed to ``cells``."""
        return min(self.wide, cells) if self.column.flexible else self.wide


class _MiddleCut:
    """A text whose middle is cut out when Rich gives it less width than it takes."""

    __slots__ = ("_text",)

    def __init__(self, text: Text) -> None:
        self._text = text

    def __rich_measure__(self, _console: Console, _options: ConsoleOptions) -> Measurement:
        return Measurement(1, self._text.cell_len)

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        cut = _without_middle(self._text.plain, options.max_width)
        yield Text(cut, self._text.style, no_wrap=True, end="")


def layout(columns: Sequence[Column], rows: Sequence[Row], *, width: int | None) -> Table:
    """Return a table that fits a terminal of ``width`` cells; ``None``: as wide as it takes, nothing cut.

    Where not even its narrowest form fits, it is that wide, and the terminal wraps its lines: no column disappears.
    """
    filled = [_filled(column, [row[at] for row in rows]) for at, column in enumerate(columns)]
    shown = [one for one in filled if any(one.cells)] or filled
    if width is not None:
        shown = _without_spares(shown, width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold dim")
    for one in shown:
        table.add_column(
            _text(one.column.title),
            justify="right" if one.column.right else "left",
            no_wrap=not one.column.flexible,  # Rich narrows the columns that may wrap, the widest first
        )
    for cells in zip(*([_drawn(one.column, cell) for cell in one.cells] for one in shown), strict=True):
        table.add_row(*cells)
    whole, narrowest = (_total(one.at_least(cells) for one in shown) for cells in (sys.maxsize, _LEAST))
    table.width = whole if width is None else min(whole, max(width, narrowest))
    return table


def _filled(column: Column, cells: Sequence[Cell | str | int | None]) -> _Filled:
    texts = [_cell(cell) for cell in cells]
    return _Filled(column=column, cells=texts, wide=max(cell_len(column.title), *(text.cell_len for text in texts), 0))


def _cell(value: Cell | str | int | None) -> Text:
    if isinstance(value, Cell):
        return _text(one_line(value.text), value.style)
    return _text("" if value is None else f"{value:,}" if isinstance(value, int) else one_line(value))


def _text(line: str, style: str = "") -> Text:
    return Text(line, style, no_wrap=True, overflow="ellipsis")


def _drawn(column: Column, cell: Text) -> RenderableType:
    return _MiddleCut(cell) if column.middle else cell


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + _GAP * (len(found) - 1)


def _without_spares(filled: Sequence[_Filled], width: int) -> list[_Filled]:
    """Leave out spare columns, the last first, until the flexible ones keep a readable width."""
    kept = list(filled)
    for one in reversed(filled):
        if _total(each.at_least(each.column.least) for each in kept) <= width:
            break
        if one.column.spare:
            kept.remove(one)
    return kept


def _without_middle(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    tail = (width - 1) // 2
    start = set_cell_size(text, width - 1 - tail).rstrip()
    # Reversed, so that the end is measured in cells as well: a wide character is never split.
    return f"{start}…{set_cell_size(text[::-1], tail).rstrip()[::-1]}"
