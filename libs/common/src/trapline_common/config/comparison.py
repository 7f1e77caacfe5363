"""The comparisons of ``expect``: ``< 50``, ``== Sold out``, ``contains per month``. Pure: text in, verdict out."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import ge, gt, le, lt

from trapline_common.config.number import DecimalSign, find_number, whole_number
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
    NOT_CONTAINS = "not_contains"
    MATCHES = "matches"


_ORDER: dict[Operator, Callable[[Decimal, Decimal], bool]] = {
    Operator.LT: lt,
    Operator.LE: le,
    Operator.GT: gt,
    Operator.GE: ge,
}
_OF_TEXTS = frozenset({Operator.CONTAINS, Operator.NOT_CONTAINS, Operator.MATCHES})
_SPLIT = re.compile(
    r"(?P<operator><=|>=|==|!=|<|>|(?:not_contains|contains|matches)(?=\s|$))?(?P<operand>.*)", re.DOTALL
)
_SIGNS = re.compile(r"[=<>!~]")
_LONGEST_VALUE = 20_000
"""Characters of a value that are looked at: a bound on what one regular expression can cost."""
_SHOWN = 80
_VALID = "write <, <=, >, >=, ==, !=, contains, not_contains or matches, and what to compare with"


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
    if _SIGNS.match(operand) and operator not in _OF_TEXTS:
        raise ValueError(f"unknown comparison {text!r}: {_VALID}")
    number = whole_number(operand.rstrip("$€£¥% "))
    if operator in _ORDER and number is None:
        raise ValueError(f"{operator} needs a number, not {operand!r}")
    if operator is Operator.MATCHES:
        compile_regex(operand)
    return Comparison(operator=operator, operand=operand, number=number)


def check(comparison: Comparison, value: str | None, *, sign: DecimalSign | None = None) -> str | None:
    """Return why ``value`` is not what was expected, in one line, or ``None`` when it is.

    A numeric operand is compared with the first number in the value (``$1,299.00`` is 1299); any other operand with the
    value's text, whitespace collapsed. ``None``, a field that was not found, meets no expectation. ``sign``: what
    stands before the decimals of the page's numbers; where that is not known, and it matters, the expectation is not
    met.
    """
    if value is None:
        return f"not found, expected {comparison}"
    text = " ".join(value[:_LONGEST_VALUE].split())
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    if comparison.operator in _OF_TEXTS:
        return None if _holds_of_text(comparison, text) else f"found {shown!r}, expected {comparison}"
    number = None if comparison.number is None else find_number(text, sign)
    readings: tuple[Decimal | None, ...] = (None,) if number is None else number.values
    verdicts = {_holds(comparison, text, reading) for reading in readings}
    if verdicts == {True}:
        return None
    if len(verdicts) > 1 and number is not None:
        either = " or ".join(f"{value:f}" for value in number.values)
        return f"in doubt: {number.written!r} is {either}; {number.mend}; expected {comparison}"
    if comparison.operator in _ORDER and number is None:
        return f"no number in {shown!r}, expected {comparison}"
    return f"found {shown!r}, expected {comparison}"


def _holds_of_text(comparison: Comparison, text: str) -> bool:
    if comparison.operator is Operator.MATCHES:
        return compile_regex(comparison.operand).found_in(text)
    return (comparison.operand in text) is (comparison.operator is Operator.CONTAINS)


def _holds(comparison: Comparison, text: str, number: Decimal | None) -> bool:
    """Say whether it holds if ``number`` is the value's number; ``None``: it has none."""
    if comparison.operator in _ORDER:
        order = _ORDER[comparison.operator]
        return number is not None and comparison.number is not None and order(number, comparison.number)
    same = text == comparison.operand or (number is not None and number == comparison.number)
    return same if comparison.operator is Operator.EQ else not same
