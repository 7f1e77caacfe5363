"""A page's texts, made harmless for terminals and spreadsheets.

They may hold escape sequences, line breaks, reversed writing and formulas.
"""

from trapline_common.platform.invisible import INVISIBLE

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet run a cell (OWASP, "CSV Injection")."""


def one_line(text: object) -> str:
    """Return ``text`` on one line, every invisible character replaced by U+FFFD."""
    return " ".join(INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split())).split())


def printable(line: str) -> str:
    """Return one line of a text with its spacing kept and every invisible character replaced by U+FFFD."""
    return INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", line.replace("\n", " ").expandtabs(4))


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
