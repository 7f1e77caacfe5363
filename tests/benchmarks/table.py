"""Plain tables for a terminal and a log alike."""

from collections.abc import Sequence
from statistics import median


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a titled table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in cells)
        for cells in (list(enumerate(zip(row, widths, strict=True))) for row in [head, *rows])
    ]
    return "\n".join([title, "-" * len(lines[0]), lines[0], "-" * len(lines[0]), *lines[1:], ""])


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return the median and the range: ``12.3 (11.9-12.8)``; one value stands alone."""
    middle = f"{median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"
