"""Regular expressions in the config: RE2's, whose time is linear in the text. A page chooses the text. Pure.

Python's own ``re`` can be kept busy for hours by a pattern as plain as ``(a+)+$``, and no time-out stops it.
"""

from dataclasses import dataclass
from typing import Any

import re2

LONGEST_REGEX = 1_000
"""Characters. A longer one is better several."""


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled pattern."""

    _compiled: Any
    """RE2's own object, over UTF-8, so that no offsets have to be translated."""

    def found_in(self, text: str) -> bool:
        """Say whether ``text`` holds a match."""
        return self._compiled.search(_utf8(text)) is not None

    def first_in(self, text: str) -> str | None:
        """Return the first match, or the first group of it where the pattern has one; ``None`` when there is none."""
        match = self._compiled.search(_utf8(text))
        if match is None:
            return None
        found: bytes = (match.group(1) if self._compiled.groups else match.group(0)) or b""
        return found.decode()

    def next_in(self, data: bytes, start: int) -> tuple[int, int] | None:
        """Return the first match from ``start`` on, as byte offsets, or ``None``."""
        match = self._compiled.search(data, start)
        return None if match is None else match.span()


def compile_regex(text: str) -> Regex:
    """Compile. Raises ``ValueError`` that says what is wrong: RE2 has no look-around and no back references."""
    if len(text) > LONGEST_REGEX:
        raise ValueError(f"a pattern of {len(text)} characters; {LONGEST_REGEX} are allowed")
    options = re2.Options()
    options.log_errors = False
    try:
        return Regex(re2.compile(_utf8(text), options))
    except re2.error as error:
        message = error.args[0]
        reason = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        raise ValueError(f"bad pattern {text[:80]!r}: {reason[:200]} (RE2 syntax)") from error


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")
