"""What stands in a table: texts in the colour of what they say."""

from collections.abc import Sequence
from dataclasses import dataclass

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
"""A Rich style for each status and outcome of the ledger that has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A text in a style."""

    text: str
    """As it was found: the layout makes it one line and harmless."""
    style: str = ""
    """A Rich style, empty for the terminal's own colour."""


Row = Sequence[Cell | str | int | None]
"""One line of a table: a cell per column. ``None`` is an empty cell."""


def state_cell(word: str, more: str = "") -> Cell:
    """Return a status or an outcome in its colour, with ``more`` behind it."""
    return Cell(text=f"{word} {more}".strip(), style=STYLES.get(word, ""))


def failed_cell(count: int) -> Cell:
    """Return a number of failures, red unless it is 0."""
    return Cell(text=f"{count:,}", style="red" if count else "")


def changed_cell(count: int) -> Cell:
    """Return a number of changes, marked unless it is 0."""
    return Cell(text=f"{count:,}", style="magenta" if count else "")


def unless_zero(count: int) -> int | None:
    """Return the count, or an empty cell for 0: a column whose cells are all empty is not shown."""
    return count or None
