"""Two texts compared line by line and word by word."""

from trapline_common.content.diff import unified_diff
from trapline_common.content.word_diff import DiffLine, of_unified, side, word_diff


def _shown(lines: tuple[DiffLine, ...]) -> list[str]:
    marks = {"same": "", "del": "-", "ins": "+"}
    return [f"{line.kind} {''.join(f'{marks[part.op]}{part.text}' for part in line.parts)}" for line in lines]


def test_equal_texts_have_no_lines() -> None:
    """Nothing differs, so nothing is shown."""
    found = word_diff("a\nb", "a\nb")
    assert (found.lines, found.added, found.removed, found.complete) == ((), 0, 0, True)


def test_a_price_is_one_word() -> None:
    """Its currency, digits and separators change together."""
    found = word_diff("Kettle\n$1,299.50 each", "Kettle\n$1,099.00 each")
    assert _shown(found.lines) == ["same Kettle", "chg -$1,299.50+$1,099.00 each"]


def test_lines_far_from_a_change_are_left_out() -> None:
    """Three lines stay on each side; a gap stands for the rest."""
    before = [f"line {number}" for number in range(30)]
    after = [*before[:15], "something else entirely here", *before[16:]]
    kinds = [line.kind for line in word_diff("\n".join(before), "\n".join(after)).lines]
    assert kinds == ["gap", "same", "same", "same", "del", "ins", "same", "same", "same", "gap"]


def test_numbers_are_of_each_text() -> None:
    """A line that was inserted moves the later ones."""
    lines = word_diff("a\nb", "a\nnew\nb").lines
    assert [(line.kind, line.old, line.new) for line in lines] == [("same", 1, 1), ("ins", None, 2), ("same", 2, 3)]


def test_a_difference_is_bounded() -> None:
    """Two long texts with nothing in common stop where a person stops reading."""
    found = word_diff("\n".join(f"a{n}" for n in range(9_000)), "\n".join(f"b{n}" for n in range(9_000)))
    assert len(found.lines) <= 600
    assert not found.complete


def test_both_sides_of_a_line_can_be_shown_apart() -> None:
    """One side has no word of the other."""
    (line,) = (each for each in word_diff("in stock now", "sold out now").lines if each.kind == "chg")
    assert "sold" not in _shown((side(line, "del"),))[0]
    assert "stock" not in _shown((side(line, "ins"),))[0]


def test_a_unified_diff_is_read_back() -> None:
    """What an alert carries becomes the same lines."""
    text = unified_diff("Kettle\n$33.90\nok", "Kettle\n$29.50\nok", url="https://x.example")
    assert _shown(of_unified(text, max_lines=5)) == ["chg -$33.90+$29.50"]
