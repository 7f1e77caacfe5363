"""The difference of two texts line by line, and word by word inside the lines that changed. Pure, bounded in time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest

from trapline_common.content.line_diff import Block, compare_lines

MAX_LINES = 600
"""Lines that a difference shows: more than that no person reads at once."""
MAX_CHARACTERS = 60_000
"""Characters of them together."""
_MAX_LINE = 1_000
"""Characters of one line that a difference shows."""
_MAX_WORDS = 300
"""Words and blanks of one line that are compared: ``difflib`` is quadratic."""
_MOST_EDITS = 2_000
_CONTEXT = 3
_ALIKE = 0.3
"""Share of equal words from which two lines count as one line that changed."""
_WORDS = re.compile(r"[$\u00a2-\u00a5\u20a0-\u20bf]?\d+(?:[.,'\u2019]\d+)*|\w+|\s+|[^\w\s]")
"""A number with its separators and currency is one word: of a price the whole is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a line."""

    op: str
    """``same``, ``del`` (in the old text only) or ``ins`` (in the new text only)."""
    text: str
    """The piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A line of a difference."""

    kind: str
    """``same``, ``del``, ``ins``, ``chg`` (both sides, told apart by words), or ``gap``: equal lines were left out."""
    old: int | None
    """Its number in the old text, from 1; ``None``: it is not there."""
    new: int | None
    """Its number in the new text, from 1; ``None``: it is not there."""
    parts: tuple[Part, ...]
    """Its pieces, in order; of a gap none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordDiff:
    """What differs between two texts."""

    lines: tuple[DiffLine, ...]
    """The lines that differ with three lines around them."""
    added: int
    """Lines of the new text that are new or changed."""
    removed: int
    """Lines of the old text that are gone or changed."""
    complete: bool
    """Whether this is all that differs."""


def word_diff(old: str, new: str, *, max_lines: int = MAX_LINES, max_characters: int = MAX_CHARACTERS) -> WordDiff:
    """Return what differs; no lines when the texts are equal."""
    before, after = old.splitlines(), new.splitlines()
    blocks, complete = compare_lines(before, after, most_edits=_MOST_EDITS)
    lines, size = list[DiffLine](), 0
    for line in _lines(before, after, blocks, whole=complete):
        size += sum(len(part.text) for part in line.parts)
        if len(lines) >= max_lines or size > max_characters:
            complete = False
            break
        lines.append(line)
    return WordDiff(
        lines=tuple(lines),
        added=sum(block.new_end - block.new_start for block in blocks),
        removed=sum(block.old_end - block.old_start for block in blocks),
        complete=complete,
    )


def of_unified(diff: str, *, max_lines: int) -> tuple[DiffLine, ...]:
    """Return the lines that a unified diff removes and adds, paired; those around them are left out."""
    lines: list[DiffLine] = []
    removed: list[str] = []
    added: list[str] = []
    for line in [*diff.splitlines(), "@@"]:
        if line.startswith("-") and not line.startswith("--- ") and not added:
            removed.append(line[1:])
        elif line.startswith("+") and not line.startswith("+++ "):
            added.append(line[1:])
        else:
            lines += _changed(removed, added, None, None)
            removed, added = [], []
            if line.startswith("-") and not line.startswith("--- "):
                removed.append(line[1:])
        if len(lines) >= max_lines:
            break
    return tuple(lines[:max_lines])


def _lines(before: Sequence[str], after: Sequence[str], blocks: Sequence[Block], *, whole: bool) -> Iterator[DiffLine]:
    at, shift = 0, 0
    for block in blocks:
        yield from _around(before, at, block.old_start, shift, first=at == 0, last=False)
        yield from _changed(
            before[block.old_start : block.old_end],
            after[block.new_start : block.new_end],
            block.old_start,
            block.new_start,
        )
        at, shift = block.old_end, block.new_end - block.old_end
    if blocks and whole:
        yield from _around(before, at, len(before), shift, first=False, last=True)


def _around(before: Sequence[str], start: int, end: int, shift: int, *, first: bool, last: bool) -> Iterator[DiffLine]:
    """Yield the equal lines from ``start`` to ``end``, in the middle of many a gap."""
    head, tail = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    if end - start <= head + tail + 1:
        numbers, gap = list(range(start, end)), None
    else:
        numbers, gap = [*range(start, start + head), *range(end - tail, end)], start + head
    for position, number in enumerate(numbers):
        if gap is not None and position == head:
            yield DiffLine(kind="gap", old=gap + 1, new=None, parts=())
        yield DiffLine(
            kind="same",
            old=number + 1,
            new=number + shift + 1,
            parts=(Part(op="same", text=before[number][:_MAX_LINE]),),
        )
    if gap is not None and len(numbers) == head:
        yield DiffLine(kind="gap", old=gap + 1, new=None, parts=())


def _changed(
    removed: Sequence[str], added: Sequence[str], old_start: int | None, new_start: int | None
) -> Iterator[DiffLine]:
    """Yield a block: lines that stand for one another as one changed line, the rest as removed and added."""
    late: list[DiffLine] = []
    for index, (old, new) in enumerate(zip_longest(removed, added)):
        old_number = None if old_start is None or old is None else old_start + index + 1
        new_number = None if new_start is None or new is None else new_start + index + 1
        both = None if old is None or new is None else words(old, new)
        if both is not None:
            yield from late
            late = []
            yield DiffLine(kind="chg", old=old_number, new=new_number, parts=both)
            continue
        if old is not None:
            yield DiffLine(kind="del", old=old_number, new=None, parts=(Part(op="del", text=old[:_MAX_LINE]),))
        if new is not None:
            late.append(DiffLine(kind="ins", old=None, new=new_number, parts=(Part(op="ins", text=new[:_MAX_LINE]),)))
    yield from late


def words(old: str, new: str) -> tuple[Part, ...] | None:
    """Return one line as its words that stayed, went and came; ``None`` when the lines have too little in common."""
    left, right = _WORDS.findall(old[:_MAX_LINE]), _WORDS.findall(new[:_MAX_LINE])
    if len(left) > _MAX_WORDS or len(right) > _MAX_WORDS:
        return None
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < _ALIKE and min(len(left), len(right)) > 1:
        return None
    parts: list[Part] = []
    for op, start, end, new_start, new_end in matcher.get_opcodes():
        if op == "equal":
            _put(parts, "same", left[start:end])
        else:
            _put(parts, "del", left[start:end])
            _put(parts, "ins", right[new_start:new_end])
    return tuple(_joined(parts))


def _put(parts: list[Part], op: str, pieces: Sequence[str]) -> None:
    if pieces:
        parts.append(Part(op=op, text="".join(pieces)))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a lone blank or sign between two changes made part of them: fewer, larger changes."""
    found: list[Part] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        if part.op != "same" and _is_slight_after(parts, index):
            old, new, index = _run(parts, index)
            found += [Part(op=op, text=text) for op, text in (("del", old), ("ins", new)) if text]
            continue
        found.append(part)
        index += 1
    return found


def _is_slight_after(parts: Sequence[Part], index: int) -> bool:
    return any(
        part.op == "same" and _is_slight(part) and place + 1 < len(parts)
        for place, part in enumerate(parts[index : index + 3], index)
    )


def _is_slight(part: Part) -> bool:
    return len(part.text) == 1 and not part.text.isalnum()


def _run(parts: Sequence[Part], index: int) -> tuple[str, str, int]:
    """Return the old and the new text of changes that only slight pieces part, and the part behind them."""
    old, new = "", ""
    while index < len(parts):
        part = parts[index]
        if part.op == "same":
            if not (_is_slight(part) and index + 1 < len(parts)):
                break
            old, new = old + part.text, new + part.text
        elif part.op == "del":
            old += part.text
        else:
            new += part.text
        index += 1
    return old, new, index


def side(line: DiffLine, op: str) -> DiffLine:
    """Return one side of a changed line: its equal words, and those that ``op`` (``del`` or ``ins``) marks."""
    return replace(line, parts=tuple(part for part in line.parts if part.op in {"same", op}))
