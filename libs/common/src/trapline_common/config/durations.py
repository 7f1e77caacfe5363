"""Durations as people write them (``30s``, ``150ms``, ``24h``, ``2d``), as float seconds."""

import math
import re
from decimal import Decimal

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?", re.ASCII)
PATTERN = r"^\d+(\.\d+)?\s*(ms|s|m|h|d)?$"
"""The same grammar for the JSON Schema."""
_VALID = "a duration such as 150ms, 30s, 5m, 24h or 2d, or a number of seconds"

_TOO_LONG = 1e11
"""Seconds, about 3,000 years: anything longer is a slip, and could not be added to a timestamp."""


def parse_duration(value: object) -> float:
    """Return seconds. A plain number is seconds already; negative, infinite and boolean values are refused.

    Raises ``ValueError`` that says what is valid.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be {_VALID}, not {value!r}")  # noqa: TRY004  (pydantic reports ValueError only)
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"must be {_VALID}, not {value!r}")
        unit = match["unit"]
        number = float(match["number"])
        # dividing is exact where multiplying by 0.001 is not: 3ms is 0.003
        seconds = number / 1000 if unit == "ms" else number * _UNITS[unit or "s"]
    else:
        seconds = float(value) if abs(value) < _TOO_LONG else math.inf
    if not (math.isfinite(seconds) and 0 <= seconds < _TOO_LONG):
        raise ValueError(f"must be {_VALID}, not {value!r}")
    return seconds


def format_duration(seconds: float) -> str:
    """Return the shortest text that ``parse_duration`` reads back as exactly ``seconds``."""
    for unit, size in reversed(_UNITS.items()):
        text = f"{seconds / size:.0f}{unit}"
        if seconds >= size and parse_duration(text) == seconds:
            return text
    return f"{Decimal(repr(seconds)).normalize():f}s"
