"""Which rows of a new picture are those of an old one, however far they moved up or down. Pure.

A banner that is inserted on top moves every row below it; compared place by place, the whole page would differ. Rows
that are equal, and stand once in each picture, show where the old rows went (the idea of patience diff: Bram Cohen).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FEWEST = 24
"""Rows that must have moved alike to count as moved: fewer are alike by chance."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """``length`` rows from ``old`` on, and as many from ``new`` on, that belong together, equal or not.

    Where only one picture has rows, the other one's length is 0 and its place is where they would stand.
    """

    old: int
    """The first row in the old picture."""
    new: int
    """The first row in the new picture."""
    old_length: int
    """Rows in the old picture."""
    new_length: int
    """Rows in the new picture; as many as in the old one, or one of the two is 0."""

    @property
    def is_pair(self) -> bool:
        """Whether both pictures have these rows."""
        return self.old_length == self.new_length


@dataclass(slots=True)
class _Moved:
    """Rows that moved alike."""

    by: int
    """Rows downwards, from old to new."""
    first: int
    """The first old row."""
    last: int
    """The last old row."""
    count: int
    """Equal rows that show it."""


def align(old: Sequence[bytes], new: Sequence[bytes]) -> list[Stretch]:
    """Return stretches that cover all rows of both pictures, each once and in order."""
    stretches: list[Stretch] = []
    at_old = at_new = 0
    for moved in [*_moved(old, new), _Moved(len(new) - len(old), len(old), len(old) - 1, 0)]:
        begin = max(moved.first, at_old, at_new - moved.by)
        if begin > moved.last + 1:
            continue
        stretches += _between(old[at_old:begin], new[at_new : begin + moved.by], at_old, at_new)
        at_old, at_new = begin, begin + moved.by
        length = moved.last + 1 - begin
        if length:
            stretches.append(Stretch(at_old, at_new, length, length))
        at_old, at_new = at_old + length, at_new + length
    return stretches


def _between(old: Sequence[bytes], new: Sequence[bytes], at_old: int, at_new: int) -> Iterator[Stretch]:
    """Pair rows that did not show where they went: from the top or from the bottom, whichever leaves more equal."""
    paired = min(len(old), len(new))
    extra_old, extra_new = len(old) - paired, len(new) - paired
    from_top = sum(map(bytes.__eq__, old, new))
    from_bottom = sum(map(bytes.__eq__, old[extra_old:], new[extra_new:]))
    if from_bottom > from_top:
        yield from _only_one(at_old, at_new, extra_old, extra_new)
        at_old, at_new = at_old + extra_old, at_new + extra_new
    if paired:
        yield Stretch(at_old, at_new, paired, paired)
    if from_bottom <= from_top:
        yield from _only_one(at_old + paired, at_new + paired, extra_old, extra_new)


def _only_one(old: int, new: int, old_length: int, new_length: int) -> Iterator[Stretch]:
    if old_length or new_length:
        yield Stretch(old, new, old_length, new_length)


def _moved(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Moved]:
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    groups = [_Moved(0, 0, head - 1, head)] if head else []
    for at, to in _rising(_unique_pairs(old, new, head, tail)):
        if groups and groups[-1].by == to - at:
            groups[-1].last, groups[-1].count = at, groups[-1].count + 1
        else:
            groups.append(_Moved(to - at, at, at, 1))
    if tail:
        groups.append(_Moved(len(new) - len(old), len(old) - tail, len(old) - 1, tail))
    joined: list[_Moved] = []
    for group in groups:
        # The whole beginning and end need no proof.
        if group.count < FEWEST and not (group.by == 0 and group.first == 0) and group.last != len(old) - 1:
            continue
        if joined and joined[-1].by == group.by:
            joined[-1].last, joined[-1].count = group.last, joined[-1].count + group.count
        else:
            joined.append(group)
    return joined


def _unique_pairs(old: Sequence[bytes], new: Sequence[bytes], head: int, tail: int) -> list[tuple[int, int]]:
    """Return the places of rows that stand once in the middle of each picture, by their old place."""
    places: list[dict[bytes, int]] = []
    for rows in (old, new):
        once: dict[bytes, int] = {}
        for place in range(head, len(rows) - tail):
            once[rows[place]] = -1 if rows[place] in once else place
        places.append(once)
    before, after = places
    return [(at, to) for row, at in before.items() if at >= 0 and (to := after.get(row, -1)) >= 0]


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence whose new places rise too."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, to) in enumerate(pairs):
        place = bisect_left(tops, to)
        before.append(ends[place - 1] if place else -1)
        if place == len(tops):
            tops.append(to)
            ends.append(index)
        else:
            tops[place], ends[place] = to, index
    longest, index = [], ends[-1] if ends else -1
    while index >= 0:
        longest.append(pairs[index])
        index = before[index]
    return longest[::-1]
