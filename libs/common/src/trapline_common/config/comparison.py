"""The comparisons of ``expect``: ``< 50``, ``== Sold out``, ``contains per month``. Pure: text in, verdict out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import ge, gt, le, lt

from trapline_common.config.regex import compile_regex


class Operator(StrEnum):
    """How a field's value is compared with the operand."""

    LE = "<="
    GE = ">="
    EQ = "=="
    NE = "!="
    LT = "<"
    GT = ">"
    CONTAINS = "contains"
    MATCHES = "matches"


_ORDER: dict[Operator, Callable[[Decimal, Decimal], bool]] = {
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}
_SPLIT = re.compile(r"(?P<operator><=|>=|==|!=|<|>|(?:contains|matches)(?=\s|$))?(?P<operand>.*)", re.DOTALL)
_SIGNS = re.compile(r"[=<>!~]")
_SPACE = re.compile("[ \u00a0\u2009\u202f'\u2019]")
_NUMBER = re.compile(
    r"""(?P<sign>(?<![\w)])[-\u2212])?[$€£¥]?(?:
        (?P<commas>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)? | [1-9]\d?(?:,\d\d)+,\d{3}(?:\.\d+)?)(?!\d)
      | (?P<dots>[1-9]\d{0,2}(?:\.\d{3})+,\d+ | [1-9]\d{0,2}(?:\.\d{3}){2,})(?!\d)
      | (?P<spaces>[1-9]\d{0,2}(?:[\ \u00a0\u2009\u202f'\u2019]\d{3})+(?:[.,]\d+)?)(?!\d)
      | (?P<plain>\d+(?:[.,]\d+)? | (?<![\w.])\.\d+)
    )""",
    re.ASCII | re.VERBOSE,
)
_LONGEST_VALUE = 20_000
"""Characters of a value that are looked at: a bound on what one regular expression can cost."""
_SHOWN = 80
_VALID = "write <, <=, >, >=, ==, !=, contains or matches, and what to compare with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One parsed comparison."""

    operator: Operator
    """How the value is compared."""
    operand: str
    """What it is compared with: one space between words, but a regular expression as it stands."""
    number: Decimal | None
    """The operand when the whole of it is a number; ``<``, ``<=``, ``>`` and ``>=`` need one."""

    def __str__(self) -> str:
        return f"{self.operator} {self.operand}"


def parse_comparison(text: str) -> Comparison:
    """Read ``< 50`` and the like; text without an operator means ``==``.

    Raises ``ValueError`` that says what is valid.
    """
    match = _SPLIT.fullmatch(text.strip())
    if match is None:  # pragma: no cover  (every text matches: both groups may be empty)
        raise ValueError(_VALID)
    operator = Operator(match["operator"]) if match["operator"] else Operator.EQ
    operand = " ".join(match["operand"].split()) if operator is not Operator.MATCHES else match["operand"].strip()
    if not operand:
        raise ValueError(f"nothing to compare with in {text!r}: {_VALID}")
    if _SIGNS.match(operand) and operator not in {Operator.CONTAINS, Operator.MATCHES}:
        raise ValueError(f"unknown comparison {text!r}: {_VALID}")
    number = _whole_number(operand)
    if operator in _ORDER and number is None:
        raise ValueError(f"{operator} needs a number, not {operand!r}")
    if operator is Operator.MATCHES:
        compile_regex(operand)
    return Comparison(operator=operator, operand=operand, number=number)


def check(comparison: Comparison, value: str | None) -> str | None:
    """Return why ``value`` is not what was expected, in one line, or ``None`` when it is.

    A numeric operand is compared with the first number in the value (``$1,299.00`` is 1299); any other operand with the
    value's text, whitespace collapsed. ``None``, a field that was not found, meets no expectation.
    """
    if value is None:
        return f"not found, expected {comparison}"
    text = " ".join(value[:_LONGEST_VALUE].split())
    if _holds(comparison, text):
        return None
    number = find_number(text) if comparison.number is not None else None
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    if comparison.operator in _ORDER and number is None:
        return f"no number in {shown!r}, expected {comparison}"
    return f"found {shown!r}, expected {comparison}"


def _holds(comparison: Comparison, text: str) -> bool:
    operator, operand = comparison.operator, comparison.operand
    if operator is Operator.CONTAINS:
        return operand in text
    if operator is Operator.MATCHES:
        return compile_regex(operand).found_in(text)
    number = find_number(text) if comparison.number is not None else None
    if operator in _ORDER:
        return number is not None and comparison.number is not None and _ORDER[operator](number, comparison.number)
    same = text == operand or (number is not None and number == comparison.number)
    return same if operator is Operator.EQ else not same


def find_number(text: str) -> Decimal | None:
    """Return the first number in ``text``, or ``None``.

    Thousands may be grouped by commas, dots, spaces or apostrophes, and the decimal sign may be a dot or a comma. One
    comma before exactly three digits groups (``1,299`` is 1299); one dot never does (``1.299`` is not).
    """
    match = _NUMBER.search(text)
    return None if match is None else _value(match)


def _whole_number(operand: str) -> Decimal | None:
    """Return the operand as a number when nothing but a number, with or without a currency sign, is in it."""
    match = _NUMBER.fullmatch(operand.rstrip("$€£¥% "))
    return None if match is None else _value(match)


def _value(match: re.Match[str]) -> Decimal:
    if match["dots"]:
        digits = match["dots"].replace(".", "").replace(",", ".")
    elif match["plain"]:
        digits = match["plain"].replace(",", ".")
    elif match["commas"]:
        digits = match["commas"].replace(",", "")
    else:
        digits = _SPACE.sub("", match["spaces"]).replace(",", ".")
    return Decimal(f"-{digits}" if match["sign"] else digits)
