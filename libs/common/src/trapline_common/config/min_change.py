"""How much must differ: ``20 characters``, ``3 lines``, ``5%``; a bare number counts characters. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*(%|lines?|characters?|chars?)?\s*$"
_FORM = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(%|lines?|characters?|chars?)?\s*", re.ASCII)
_HOW = "write 20 characters, 3 lines or 5%"


class Unit(StrEnum):
    """The unit of the count. ``SHARE`` is in percent of the characters of the longer text."""

    CHARACTERS = "characters"
    LINES = "lines"
    SHARE = "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class MinChange:
    """The least difference that counts."""

    amount: float
    """Whole characters or lines, from 1; or percent, above 0 and at most 100."""
    unit: Unit
    """What ``amount`` counts."""


def parse_min_change(text: str) -> MinChange:
    """Read a ``min_change``. Raises ``ValueError`` that says what is valid."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"bad amount {text[:80]!r}: {_HOW}")
    amount, word = float(match[1]), match[2] or "characters"
    unit = Unit.SHARE if word == "%" else Unit.LINES if word.startswith("line") else Unit.CHARACTERS
    if unit is Unit.SHARE:
        if not 0 < amount <= 100:  # noqa: PLR2004  (percent)
            raise ValueError(f"bad share {text[:80]!r}: more than 0% and at most 100%")
    elif amount < 1 or amount != int(amount):
        raise ValueError(f"bad amount {text[:80]!r}: a whole number of {unit}, 1 or more")
    return MinChange(amount=amount, unit=unit)
