"""The bounded comparison of lines."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.content.line_diff import Block, compare_lines

LINES = st.lists(st.sampled_from("abcd"), max_size=14)


def _apply(old: Sequence[str], new: Sequence[str], blocks: Sequence[Block]) -> list[str]:
    """Rebuild ``new`` up to the last block, checking that what lies between blocks is equal."""
    made: list[str] = []
    at = 0
    for block in blocks:
        assert list(old[at : block.old_start]) == list(new[len(made) : block.new_start])
        made += [*old[at : block.old_start], *new[block.new_start : block.new_end]]
        at = block.old_end
    return [*made, *old[at:]]


def _longest_common(old: Sequence[str], new: Sequence[str]) -> int:
    row = [0] * (len(new) + 1)
    for line in old:
        above = row
        row = [0]
        for at, other in enumerate(new):
            row.append(above[at] + 1 if line == other else max(above[at + 1], row[at]))
    return row[-1]


@given(LINES, LINES)
def test_the_blocks_turn_the_old_lines_into_the_new(old: list[str], new: list[str]) -> None:
    """A complete comparison loses nothing, and is as short as any could be."""
    blocks, complete = compare_lines(old, new, most_edits=100)
    assert complete
    assert _apply(old, new, blocks) == new
    edits = sum(block.old_end - block.old_start + block.new_end - block.new_start for block in blocks)
    assert edits == len(old) + len(new) - 2 * _longest_common(old, new)


@given(LINES, LINES, st.integers(1, 4))
def test_a_cut_comparison_is_right_as_far_as_it_goes(old: list[str], new: list[str], most: int) -> None:
    """With few edits allowed the blocks still describe a true beginning, within the allowance."""
    blocks, complete = compare_lines(old, new, most_edits=most)
    made = _apply(old, new, blocks)
    if complete:
        assert made == new
    elif blocks:
        assert made[: blocks[-1].new_end] == new[: blocks[-1].new_end]
    assert sum(block.old_end - block.old_start + block.new_end - block.new_start for block in blocks) <= most


@given(LINES, LINES, st.integers(0, 20))
def test_a_search_that_takes_too_long_stops_and_is_right_so_far(old: list[str], new: list[str], most: int) -> None:
    """With few steps allowed the blocks describe a true beginning, and only equal lines are compared without any."""
    blocks, complete = compare_lines(old, new, most_edits=100, most_steps=most)
    made = _apply(old, new, blocks)
    assert not complete or made == new
    if blocks:
        assert made[: blocks[-1].new_end] == new[: blocks[-1].new_end]
    assert compare_lines(old, new, most_edits=100, most_steps=0)[1] == (old == new)


@pytest.mark.parametrize(("old", "new"), [([], []), (["a"], ["a"]), (["a", "b"], ["a", "b"])])
def test_equal_lines_have_no_blocks(old: list[str], new: list[str]) -> None:
    """Equal lists give no block and a complete comparison."""
    assert compare_lines(old, new, most_edits=1) == ([], True)
