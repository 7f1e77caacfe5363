"""A page's texts, made harmless for terminals and spreadsheets.

They may hold escape sequences, line breaks, reversed writing and formulas.
"""

import re
from unicodedata import category, normalize

from trapline_common.platform.invisible import INVISIBLE

_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
"""What makes a spreadsheet run a cell (OWASP, "CSV Injection"), after NFKC: so the full-width and small forms too."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_QUOTES = frozenset(
    "\"'`\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{FULLWIDTH QUOTATION MARK}"
    "\N{FULLWIDTH APOSTROPHE}"
)
_BREAKS = frozenset("\t\r\n")
"""What a spreadsheet may take for the end of a cell, so that the text's next character begins one."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Mn", "Me", "Zs", "Zl", "Zp"})
"""Unicode categories of which a spreadsheet, or the program that hands it the file, may drop a leading character."""
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""What looks like a blank and has another category: fillers of Hangul, and Braille's empty pattern."""


def one_line(text: object) -> str:
    """Return ``text`` on one line, every invisible character replaced by U+FFFD."""
    return " ".join(INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split())).split())


def printable(line: str) -> str:
    """Return one line of a text with its spacing kept and every invisible character replaced by U+FFFD."""
    return INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", line.replace("\n", " ").expandtabs(4))


def spreadsheet_cell(text: str) -> str:
    """Return ``text`` with a ``'`` before it if a spreadsheet could take it for a formula; numbers stay as they are.

    Who reads a cell that begins with ``'`` gets the text back by dropping that one character: a text that itself begins
    with ``'`` gets another one. Blanks, invisible characters and quotes before a formula's sign do not hide it.
    """
    if text.startswith("'"):
        return f"'{text}"
    first = next((char for char in text if not _is_passed_over(char)), "")
    if normalize("NFKC", first)[:1] in _FORMULA and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return f"'{text}" if text[:1] in _BREAKS else text


def _is_passed_over(char: str) -> bool:
    return char in _QUOTES or char in _BLANK_LETTERS or category(char) in _UNSEEN
