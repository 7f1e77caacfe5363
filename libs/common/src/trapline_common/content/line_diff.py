"""Compares two lists of lines in bounded time.

The greedy algorithm of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), with a limit on the
edits it looks for. ``difflib`` is quadratic or worse in the number of lines, and a page chooses that number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_STEPS = 1_000_000
"""Lines compared before the search stops where it stands; about a third of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of the old text that became lines of the new one; either side may be empty. Lines count from 0."""

    old_start: int
    """First line in the old text."""
    old_end: int
    """Line after the last one in the old text."""
    new_start: int
    """First line in the new text."""
    new_end: int
    """Line after the last one in the new text."""


def compare_lines(
    old: Sequence[str], new: Sequence[str], *, most_edits: int, most_steps: int = MAX_STEPS
) -> tuple[list[Block], bool]:
    """Return the blocks that differ, in order, and whether these are all.

    With more than ``most_edits`` removed and added lines (or more than ``most_steps`` lines compared) the blocks
    describe only the beginning, up to where the search got farthest: enough to fill a diff that shows fewer lines.
    """
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    numbers: dict[str, int] = {}
    left = [numbers.setdefault(line, len(numbers)) for line in old[head : len(old) - tail]]
    right = [numbers.setdefault(line, len(numbers)) for line in new[head : len(new) - tail]]
    history, at, complete = _search(left, right, most_edits=most_edits, most_steps=most_steps)
    return _blocks(_edits(history, at, len(left), len(right)), offset=head), complete


def _search(
    left: Sequence[int], right: Sequence[int], *, most_edits: int, most_steps: int
) -> tuple[list[dict[int, int]], int, bool]:
    """Return the farthest lines after 0, 1, 2... edits by diagonal, the last diagonal, and whether that is the end."""
    history: list[dict[int, int]] = []
    steps = 0
    for edits in range(most_edits + 1):
        reached: dict[int, int] = {}
        for diagonal in range(-edits, edits + 1, 2):
            step = _step(history[-1], diagonal, len(left), len(right)) if history else (0, False)
            if step is None:
                continue
            x = step[0]
            y = x - diagonal
            steps += 1
            while x < len(left) and y < len(right) and left[x] == right[y]:
                x, y, steps = x + 1, y + 1, steps + 1
            reached[diagonal] = x
            if x == len(left) and y == len(right):
                return [*history, reached], diagonal, True
        history.append(reached)
        if steps > most_steps:
            break
    farthest = history[-1]
    return history, max(farthest, key=lambda diagonal: 2 * farthest[diagonal] - diagonal), False


def _step(before: dict[int, int], diagonal: int, old_length: int, new_length: int) -> tuple[int, bool] | None:
    """Return where one more edit gets on ``diagonal``, and whether by an addition; ``None`` when both lead outside."""
    best = None
    if diagonal - 1 in before and before[diagonal - 1] < old_length:
        best = before[diagonal - 1] + 1, False
    if diagonal + 1 in before:
        x = before[diagonal + 1]
        if x - diagonal <= new_length and (best is None or x >= best[0]):
            best = x, True
    return best


def _edits(
    history: Sequence[dict[int, int]], diagonal: int, old_length: int, new_length: int
) -> list[tuple[int, int, bool]]:
    """Walk back from the end; return (line of old, line of new, is it an addition) of each edit, first to last."""
    found: list[tuple[int, int, bool]] = []
    for before in reversed(history[:-1]):
        step = _step(before, diagonal, old_length, new_length)
        if step is None:
            raise AssertionError("every point but the first was reached by a step")
        x, added = step
        diagonal += 1 if added else -1
        start = x if added else x - 1
        found.append((start, start - diagonal, added))
    found.reverse()
    return found


def _blocks(edits: Sequence[tuple[int, int, bool]], *, offset: int) -> list[Block]:
    blocks: list[Block] = []
    for x, y, added in edits:
        old_start, new_start = x + offset, y + offset
        old_end, new_end = (old_start, new_start + 1) if added else (old_start + 1, new_start)
        if blocks and (blocks[-1].old_end, blocks[-1].new_end) == (old_start, new_start):
            last = blocks.pop()
            old_start, new_start = last.old_start, last.new_start
        blocks.append(Block(old_start=old_start, old_end=old_end, new_start=new_start, new_end=new_end))
    return blocks
