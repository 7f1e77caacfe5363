"""Removes from a normalised text what a crawl's ``ignore`` patterns match. Pure, and bounded in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from trapline_common.config.regex import Regex

MOST_SEARCHES = 500_000
"""Searches that one text may cost: half a second on two shared cores. Twenty patterns on 20,000 lines fit.

The text beyond the bound stays as it is, the same part every time, so that it makes no change by itself.
"""
MOST_BYTES = 256 * 1024 * 1024
"""Bytes searched that one text may cost: another half second."""


@dataclass(slots=True)
class _Budget:
    searches: int = MOST_SEARCHES
    """Searches that are left."""
    bytes: int = MOST_BYTES
    """Bytes that may still be searched."""

    @property
    def is_left(self) -> bool:
        return self.searches >= 0 and self.bytes >= 0

    def spend(self, size: int) -> bool:
        self.searches -= 1
        self.bytes -= size
        return self.is_left


def without_ignored(text: str, patterns: Sequence[Regex]) -> str:
    """Return a normalised text without what matches, normalised again: a line of which nothing is left is gone.

    Patterns are applied in order, to one line at a time: ``^`` and ``$`` are its ends.
    """
    if not patterns:
        return text
    budget = _Budget()
    lines = (_cut(line, patterns, budget) if budget.is_left else line for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _cut(line: str, patterns: Sequence[Regex], budget: _Budget) -> str:
    data = before = line.encode()
    for pattern in patterns:
        data = _cut_one(data, pattern, budget)
    return line if data is before else " ".join(data.decode().split())


def _cut_one(data: bytes, pattern: Regex, budget: _Budget) -> bytes:
    """Return ``data`` itself when nothing matches. A match of nothing takes nothing away and is passed over."""
    kept: list[bytes] = []
    copied = at = 0
    while at <= len(data) and budget.spend(len(data) - at):
        span = pattern.next_in(data, at)
        if span is None:
            break
        start, end = span
        if end > start:
            kept.append(data[copied:start])
            copied = at = end
        else:
            at = _after(data, end)
    return data if copied == 0 else b"".join([*kept, data[copied:]])


def _after(data: bytes, at: int) -> int:
    """Return where the character after the one at ``at`` begins."""
    at += 1
    while at < len(data) and data[at] & 0xC0 == 0x80:  # noqa: PLR2004  (a continuation byte of UTF-8)
        at += 1
    return at
