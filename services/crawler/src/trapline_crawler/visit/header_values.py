"""Numbers and dates in a server's headers, bounded: a server may write anything into them. Pure."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_DATE = 64
"""Characters; the longest form of RFC 9110 has 33."""

LARGEST = 10**15
"""What any larger number counts as: a petabyte, or thirty million years of seconds."""

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_EPOCH = datetime.fromtimestamp(0, UTC)


def whole_number(text: str) -> int | None:
    """Return the number that ``text`` is, at most ``LARGEST``; ``None`` when it is none.

    Python's own ``int`` raises for 4,301 digits, and takes signs, blanks, underscores and other scripts' digits.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    digits = text.lstrip("0")
    return LARGEST if len(digits) > len(str(LARGEST)) else min(int(digits or "0"), LARGEST)


def moment(text: str) -> float | None:
    """Return the seconds since 1970 of a date; ``None`` for what is no date, or one that no calendar holds."""
    if not 0 < len(text.strip()) <= LONGEST_DATE:
        return None
    try:
        found = parsedate_to_datetime(text)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return (aware - _EPOCH).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
