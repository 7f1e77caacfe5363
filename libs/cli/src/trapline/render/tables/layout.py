"""Laying out a table: columns as wide as their cells, the flexible ones cut until all fit the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from trapline.render.safe_text import one_line

_GAP = 2
_LEAST = 10
"""Cells a flexible column keeps, however narrow the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A text and its Rich style."""

    text: str
    style: str = ""


Row = Sequence[Cell | str | int | None]
"""One line of a table: a cell per column. ``None`` is an empty cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``right``: numbers. ``flexible``: cut when the terminal is narrow. ``spare``: left out before anything is cut.

    ``middle``: cut there, since the end of a URL says most. ``least``: cells a flexible column would like to keep. A column whose cells are all empty is not shown.
    """

    title: str
    right: bool = False
    flexible: bool = False
    spare: bool = False
    middle: bool = False
    least: int = 24


def layout(columns: Sequence[Column], rows: Sequence[Row], *, width: int | None) -> list[Text]:
    """Return the header and a line per row, each at most ``width`` cells; ``None``: as wide as it takes, nothing cut."""
    cells = [[_cell(value) for value in row] for row in rows]
    shown = [at for at in range(len(columns)) if any(row[at].text for row in cells)] or list(range(len(columns)))
    wide = {at: max([cell_len(columns[at].title), *(cell_len(row[at].text) for row in cells)]) for at in shown}
    if width is not None:
        shown = _without_spares(columns, shown, wide, width)
        wide = _fitted(columns, shown, wide, width)
    header = [Cell(text=column.title, style="bold dim") for column in columns]
    return [_line(columns, shown, wide, row) for row in [header, *cells]]


def _cell(value: Cell | str | int | None) -> Cell:
    if isinstance(value, Cell):
        return Cell(text=one_line(value.text), style=value.style)
    return Cell(text="" if value is None else f"{value:,}" if isinstance(value, int) else one_line(value))


def _total(shown: Sequence[int], wide: dict[int, int]) -> int:
    return sum(wide[at] for at in shown) + _GAP * (len(shown) - 1)


def _without_spares(columns: Sequence[Column], shown: list[int], wide: dict[int, int], width: int) -> list[int]:
    """Leave out spare columns, the last first, until the flexible ones keep a readable width."""
    kept = list(shown)
    for at in reversed(shown):
        least = {i: min(wide[i], columns[i].least) if columns[i].flexible else wide[i] for i in kept}
        if _total(kept, least) <= width:
            break
        if columns[at].spare:
            kept.remove(at)
    return kept


def _fitted(columns: Sequence[Column], shown: Sequence[int], wide: dict[int, int], width: int) -> dict[int, int]:
    """Narrow the widest flexible column cell by cell until the table fits."""
    fitted = {at: wide[at] for at in shown}
    flexible = [at for at in shown if columns[at].flexible]
    while _total(shown, fitted) > width and flexible:
        widest = max(flexible, key=lambda at: fitted[at])
        if fitted[widest] <= _LEAST:
            break
        fitted[widest] -= 1
    return fitted


def _line(columns: Sequence[Column], shown: Sequence[int], wide: dict[int, int], row: Sequence[Cell]) -> Text:
    line = Text()
    for place, at in enumerate(shown):
        text = _cut(row[at].text, wide[at], middle=columns[at].middle)
        space = " " * (wide[at] - cell_len(text))
        last = place == len(shown) - 1
        if place:
            line.append(" " * _GAP)
        if columns[at].right:
            line.append(space)
        line.append(text, row[at].style)
        if not columns[at].right and not last:
            line.append(space)
    line.rstrip()
    return line


def _cut(text: str, width: int, *, middle: bool) -> str:
    if cell_len(text) <= width:
        return text
    tail = (width - 1) // 2 if middle else 0
    start = set_cell_size(text, width - 1 - tail).rstrip()
    # Reversed, so that the end is measured in cells as well: a wide character is never split.
    return f"{start}…{set_cell_size(text[::-1], tail).rstrip()[::-1]}"
