"""The difference of two normalised texts, or of their fields, bounded in size and in time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from trapline_common.content.line_diff import Block, compare_lines
from trapline_common.content.text import LONE_SURROGATE

MAX_DIFF_LINES = 200
"""Lines of a diff, its head included: more than that no person reads in an alert."""

MAX_DIFF_BYTES = 16 * 1024
"""Bytes of a diff in UTF-8."""

MAX_LINE = 240
"""Characters of one line that a diff shows; of a longer one, the part around the first difference."""

_CONTEXT = 3

_LEAD = 40

_URL_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """An extracted field whose value differs."""

    name: str
    """The field's name in ``extract``."""
    old: str | None
    """Its value in the baseline; ``None``: it was missing."""
    new: str | None
    """Its value now; ``None``: it is missing."""


def compare_fields(old: Mapping[str, str | None], new: Mapping[str, str | None]) -> tuple[FieldChange, ...]:
    """Return the fields that differ, by name. A missing field equals one without a value."""
    names = sorted({*old, *new})
    return tuple(
        FieldChange(name=name, old=old.get(name), new=new.get(name)) for name in names if old.get(name) != new.get(name)
    )


def unified_diff(
    old: str, new: str, *, url: str, max_lines: int = MAX_DIFF_LINES, max_bytes: int = MAX_DIFF_BYTES
) -> str:
    """Return a unified diff of two normalised texts, or ``""`` when they are equal.

    At most ``max_lines`` lines and ``max_bytes`` bytes of UTF-8, its last line saying so when something was left out.
    The time is bounded as well (``line_diff``): two different texts of 256 KiB take well under a second.
    """
    if old == new:
        return ""
    before, after = old.splitlines(), new.splitlines()
    blocks, complete = compare_lines(before, after, most_edits=2 * max_lines)
    shown_url = " ".join(LONE_SURROGATE.sub("\ufffd", url).split())[:_URL_SHOWN]
    lines = [f"--- {shown_url} (before)", f"+++ {shown_url} (after)", *_hunks(before, after, blocks, complete=complete)]
    return _bounded(lines, complete=complete, max_lines=max_lines, max_bytes=max_bytes)


def _hunks(before: Sequence[str], after: Sequence[str], blocks: Sequence[Block], *, complete: bool) -> Iterator[str]:
    """Yield the lines of every hunk: blocks with three lines of context, merged where their contexts touch.

    What follows the last block is known to be equal only when the comparison is complete.
    """
    start = 0
    while start < len(blocks):
        end = start + 1
        while end < len(blocks) and blocks[end].old_start - blocks[end - 1].old_end <= 2 * _CONTEXT:
            end += 1
        hunk = blocks[start:end]
        lead = min(_CONTEXT, hunk[0].old_start)
        tail = min(_CONTEXT, len(before) - hunk[-1].old_end) if complete or end < len(blocks) else 0
        old_from, old_to = hunk[0].old_start - lead, hunk[-1].old_end + tail
        new_from, new_to = hunk[0].new_start - lead, hunk[-1].new_end + tail
        yield f"@@ -{_range(old_from, old_to)} +{_range(new_from, new_to)} @@"
        at = old_from
        for block in hunk:
            yield from (f" {_clip(line)}" for line in before[at : block.old_start])
            yield from _block(before[block.old_start : block.old_end], after[block.new_start : block.new_end])
            at = block.old_end
        yield from (f" {_clip(line)}" for line in before[at:old_to])
        start = end


def _block(removed: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    yield from (
        f"-{_clip(line, other)}" for line, other in zip_longest(removed, added[: len(removed)]) if line is not None
    )
    yield from (
        f"+{_clip(line, other)}" for line, other in zip_longest(added, removed[: len(added)]) if line is not None
    )


def _range(start: int, end: int) -> str:
    """Return a hunk's range as ``diff -u`` writes it: lines count from 1, an empty range names the line before it."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"


def _clip(line: str, other: str | None = None) -> str:
    if len(line) <= MAX_LINE:
        return line
    pairs = enumerate(zip(line, other or "", strict=False))
    differs = next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(line), len(other or "")))
    start = max(0, min(differs - _LEAD, len(line) - MAX_LINE))
    return ("…" if start else "") + line[start : start + MAX_LINE] + ("…" if start + MAX_LINE < len(line) else "")


def _bounded(lines: Sequence[str], *, complete: bool, max_lines: int, max_bytes: int) -> str:
    kept: list[str] = []
    size = 0
    note = "… more differences are not shown"
    available = max_bytes - len(note.encode()) - 1
    for line in lines:
        size += len(line.encode()) + 1
        if len(kept) >= max_lines - 1 or size > available:
            complete = False
            break
        kept.append(line)
    return "\n".join(kept if complete else [*kept, note])
