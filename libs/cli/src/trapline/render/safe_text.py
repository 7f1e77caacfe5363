"""Making what a page wrote harmless on a terminal: it may hold escape sequences, line breaks, or reversed writing."""

import re

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control, zero-width and direction characters, and lone surrogates: they move the cursor, or hide or reorder text."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet run a cell (OWASP, "CSV Injection")."""


def one_line(text: object) -> str:
    """Return ``text`` on one line, every invisible character replaced by U+FFFD."""
    return " ".join(_INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split())).split())


def printable(line: str) -> str:
    """Return one line of a text with its spacing kept and every invisible character replaced by U+FFFD."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", line.replace("\n", " ").expandtabs(4))


def spreadsheet_cell(text: str) -> str:
    """Return ``text`` with a ``'`` before it if a spreadsheet would take it for a formula; numbers stay as they are."""
    if not text.startswith(_FORMULA) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
