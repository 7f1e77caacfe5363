"""How much of a picture must differ: ``400 pixels``, ``0.1%``; a bare number counts pixels. Pure."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

PATTERN = r"^\s*[0-9]+(\.[0-9]+)?\s*(%|pixels?|px)?\s*$"
_FORM = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(%|pixels?|px)?\s*", re.ASCII)
_HOW = "write 400 pixels or 0.1%"
_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureAmount:
    """The least difference of two pictures that counts."""

    amount: float
    """Whole pixels, from 1; or percent of the compared area, above 0 and at most 100."""
    is_share: bool
    """Whether ``amount`` is in percent."""

    def is_reached(self, *, pixels: int, area: int) -> bool:
        """Say whether ``pixels`` of ``area`` are as many."""
        if self.is_share:
            return pixels * _ALL >= self.amount * area
        return pixels >= self.amount


def parse_picture_amount(text: str) -> PictureAmount:
    """Read a ``visual.min_change``. Raises ``ValueError`` that says what is valid."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"bad amount {text[:80]!r}: {_HOW}")
    amount, is_share = float(match[1]), match[2] == "%"
    if is_share:
        if not 0 < amount <= _ALL:
            raise ValueError(f"bad share {text[:80]!r}: more than 0% and at most 100%")
    elif amount < 1 or amount != int(amount):
        raise ValueError(f"bad amount {text[:80]!r}: a whole number of pixels, 1 or more")
    return PictureAmount(amount=amount, is_share=is_share)


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked(value: str) -> str:
    parse_picture_amount(value)
    return value


PictureAmountText = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_checked),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "integer", "minimum": 1}],
            "examples": ["400 pixels", "0.1%"],
        }
    ),
]
"""The text of a ``PictureAmount``."""
