"""Where two pictures of one size differ: rectangles around pixels that differ near each other.

Pixels are counted in cells, so that lone specks of anti-aliasing drop out, and what stands a few cells apart, such as
the letters of a line, is one rectangle.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops

CELL = 16
"""Pixels of a cell's side."""
FEWEST = 4
"""Pixels of a cell that must differ; fewer are specks."""
APART = 2
"""Cells between two that belong together, at most, in each direction."""
_STRIP = CELL * 16
"""Rows that are subtracted at once: as much as stays near the processor, however tall the pictures are."""
_RUN = re.compile(rb"\x01+(?:\x00{1,%d}\x01+)*" % (APART - 1))
_PIXELS = tuple(round(value * CELL * CELL / 255) if value >= FEWEST else 0 for value in range(256))
"""Pixels that differ, by a cell's average."""
_IS_ON = bytes(value >= FEWEST for value in range(256))
Box = tuple[int, int, int, int]
"""x, y, width and height in pixels."""


@dataclass(slots=True)
class Island:
    """Cells that belong together."""

    left: int
    """The first column."""
    top: int
    """The first row."""
    right: int
    """The last column."""
    bottom: int
    """The last row."""
    pixels: int
    """Pixels that differ."""


@dataclass(slots=True)
class _Run:
    """Cells of one row that belong together, and the island that they are of."""

    left: int
    """The first column."""
    right: int
    """The last column."""
    island: int
    """The index of the run that stands for the island; see ``_root``."""


def differences(
    old: Sequence[bytes], new: Sequence[bytes], *, tolerance: int, blank: Sequence[Box]
) -> list[tuple[Box, int]]:
    """Return rectangles in which rows of RGB pixels differ, top to bottom, each with its pixels.

    Both have as many rows. A pixel differs when one of its colours is off by more than ``tolerance``. What lies in
    ``blank`` never does.
    """
    width, columns = len(new[0]) // 3, -(-len(new[0]) // 3 // CELL)
    cells = b"".join(
        _cells(
            _picture(old[top : top + _STRIP], width),
            _picture(new[top : top + _STRIP], width),
            tolerance=tolerance,
            blank=[(x, y - top, wide, high) for x, y, wide, high in blank],
        )
        for top in range(0, len(new), _STRIP)
    )
    return [(_rectangle(island, width, len(new)), island.pixels) for island in _islands(cells, columns)]


def _picture(rows: Sequence[bytes], width: int) -> Image.Image:
    return Image.frombytes("RGB", (width, len(rows)), b"".join(rows))


def _cells(old: Image.Image, new: Image.Image, *, tolerance: int, blank: list[Box]) -> bytes:
    """Return each cell's average of 255 for a pixel that differs and 0 for one that does not, row by row."""
    red, green, blue = ImageChops.difference(old, new).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    mask = most.point([0] * (tolerance + 1) + [255] * (255 - tolerance))
    for x, y, width, height in blank:
        mask.paste(0, (x, y, x + width, y + height))
    columns, rows = -(-new.width // CELL), -(-new.height // CELL)
    # Beyond the picture's edge there are zeros, so that each cell is an average over a whole square.
    return mask.crop((0, 0, columns * CELL, rows * CELL)).reduce(CELL).tobytes()


def _rectangle(island: Island, width: int, height: int) -> Box:
    x, y = island.left * CELL, island.top * CELL
    right, bottom = (island.right + 1) * CELL, (island.bottom + 1) * CELL
    return x, y, min(right, width) - x, min(bottom, height) - y


def _islands(cells: bytes, columns: int) -> list[Island]:
    """Join cells that are on. ``cells``: row by row, each the average of 0 and 255 over its pixels."""
    runs: list[_Run] = []
    islands: dict[int, Island] = {}
    near: list[list[int]] = [[] for _ in range(APART)]
    for row in range(len(cells) // columns):
        values = cells[row * columns : (row + 1) * columns]
        found = [match.span() for match in _RUN.finditer(values.translate(_IS_ON))]
        here: list[int] = []
        for left, end in found:
            index = len(runs)
            runs.append(_Run(left, end - 1, index))
            pixels = sum(map(_PIXELS.__getitem__, values[left:end]))
            islands[index] = Island(left, row, end - 1, row, pixels)
            here.append(index)
            for other in (one for above in near for one in above):
                if runs[other].left <= end - 1 + APART and left <= runs[other].right + APART:
                    _join(runs, islands, other, index)
        near = [*near[1:], here]
    return sorted(islands.values(), key=lambda island: (island.top, island.left))


def _root(runs: list[_Run], index: int) -> int:
    while runs[index].island != index:
        runs[index].island = runs[runs[index].island].island
        index = runs[index].island
    return index


def _join(runs: list[_Run], islands: dict[int, Island], one: int, other: int) -> None:
    keep, gone = _root(runs, one), _root(runs, other)
    if keep == gone:
        return
    into, of = islands[keep], islands.pop(gone)
    runs[gone].island = keep
    into.left, into.top = min(into.left, of.left), min(into.top, of.top)
    into.right, into.bottom = max(into.right, of.right), max(into.bottom, of.bottom)
    into.pixels += of.pixels
