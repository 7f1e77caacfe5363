"""Two decoded pictures compared: which rows were inserted or removed, and where the others differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trapline_crawler.pictures.islands import APART, CELL, Box, differences
from trapline_crawler.pictures.rows import Stretch, align

MOST = 40
"""Regions that are told; a person looks at no more. The largest stay."""
_EQUAL_ROWS = CELL * (APART + 1)
"""Equal rows behind which the next difference can't belong to the one above any more."""
_FLAT = 2
"""Kinds of row in a painted part that grew or shrank: the paint with what stands beside it, and blank rows."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a picture that is compared, row by row."""

    width: int
    """Pixels of a row."""
    rows: Sequence[bytes]
    """RGB, three bytes a pixel; what is ignored is painted flat."""
    ignored: Sequence[Box]
    """What is ignored, within this part."""

    def boxes(self, first: int, last: int) -> list[Box]:
        """Return what is ignored of some rows, as places in them."""
        cut = ((x, max(y, first), width, min(y + height, last)) for x, y, width, height in self.ignored)
        return [(x, y - first, width, end - y) for x, y, width, end in cut if y < end]


@dataclass(frozen=True, slots=True)
class Region:
    """One region that differs."""

    kind: str
    """``changed``, ``inserted`` or ``removed``."""
    old: Box
    """Where it is in the old part; no height: it is inserted there."""
    new: Box
    """Where it is in the new part; no height: it was removed there."""
    pixels: int
    """Pixels that differ."""


def compare(old: Part, new: Part, *, tolerance: int) -> list[Region]:
    """Return every region that differs, top to bottom. Which of the two is the newer does not matter to the result."""
    if old.width != new.width:
        size = max(old.width * len(old.rows), new.width * len(new.rows))
        whole = [(0, 0, part.width, len(part.rows)) for part in (old, new)]
        return [Region("changed", whole[0], whole[1], size)]
    if (len(new.rows), new.rows) < (len(old.rows), old.rows):  # one order, so that both directions say the same
        kinds = {"inserted": "removed", "removed": "inserted"}
        found = compare(new, old, tolerance=tolerance)
        turned = [Region(kinds.get(one.kind, one.kind), one.new, one.old, one.pixels) for one in found]
        return sorted(turned, key=_place)
    regions: list[Region] = []
    for stretch in _within_the_window(old, new, align(old.rows, new.rows)):
        if stretch.is_pair:
            regions += _changed(old, new, stretch, tolerance)
        elif not _is_paint(old if stretch.old_length else new, stretch):
            regions.append(_one_sided(stretch, old.width))
    return sorted(regions, key=_place)


def _within_the_window(old: Part, new: Part, stretches: list[Stretch]) -> list[Stretch]:
    """Leave out the last rows that only one of two equally tall pictures has, where they are its end.

    A window shows as much as ever: where a banner is inserted on top, as many rows fall out below. Of rows that repeat,
    such as the blank ones below a short page, any may be those that fell out.
    """
    if len(old.rows) != len(new.rows):
        return stretches
    last = next((place for place in reversed(range(len(stretches))) if not stretches[place].is_pair), None)
    if last is None:
        return stretches
    first, length, rows = stretches[last].new, stretches[last].new_length, new.rows
    if stretches[last].old_length:
        first, length, rows = stretches[last].old, stretches[last].old_length, old.rows
    if any(rows[place] != rows[place + length] for place in range(first, len(rows) - length)):
        return stretches
    return stretches[:last] + stretches[last + 1 :]


def _place(region: Region) -> tuple[int, int]:
    return region.new[1], region.new[0]


def _one_sided(stretch: Stretch, width: int) -> Region:
    return Region(
        "inserted" if stretch.new_length else "removed",
        (0, stretch.old, width, stretch.old_length),
        (0, stretch.new, width, stretch.new_length),
        width * max(stretch.old_length, stretch.new_length),
    )


def _is_paint(part: Part, stretch: Stretch) -> bool:
    """Say whether rows that only one picture has are an ignored element's, which grew, shrank, came or went."""
    first, length = (stretch.old, stretch.old_length) if stretch.old_length else (stretch.new, stretch.new_length)
    if not part.boxes(first, first + length):
        return False
    return len(set(part.rows[first : first + length])) <= _FLAT


def _changed(old: Part, new: Part, stretch: Stretch, tolerance: int) -> Iterator[Region]:
    for first, last in _unequal(old.rows, new.rows, stretch):
        at_old, at_new = stretch.old + first, stretch.new + first
        length = last - first
        blank = [*old.boxes(at_old, at_old + length), *new.boxes(at_new, at_new + length)]
        before, after = old.rows[at_old : at_old + length], new.rows[at_new : at_new + length]
        for (x, y, width, height), pixels in differences(before, after, tolerance=tolerance, blank=blank):
            yield Region("changed", (x, at_old + y, width, height), (x, at_new + y, width, height), pixels)


def _unequal(old: Sequence[bytes], new: Sequence[bytes], stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Yield spans of rows, counted from the stretch's first, that hold every unequal row; far from each other."""
    begin = end = -1
    for row in range(stretch.new_length):
        if old[stretch.old + row] == new[stretch.new + row]:
            continue
        if begin >= 0 and row - end >= _EQUAL_ROWS:
            yield begin, end
            begin = row
        elif begin < 0:
            begin = row
        end = row + 1
    if begin >= 0:
        yield begin, end
