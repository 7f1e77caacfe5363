"""What a server's headers say, bounded: a server may write anything into them. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_DATE = 64
"""Characters; the longest form of RFC 9110 has 33."""

LARGEST = 10**15
"""What any larger number counts as: a petabyte, or thirty million years of seconds."""

_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_EPOCH = datetime.fromtimestamp(0, UTC)


def runs_no_scripts(headers: Mapping[str, str]) -> bool:
    """Tell whether a document is shown in a sandbox without scripts, as the files of code hosts are.

    Source: W3C's Content Security Policy Level 3, section 6.3.2; several policies stand side by side.
    """
    policies = re.split(r"[,\n]", headers.get("content-security-policy", "").lower())
    directives = (part.split() for policy in policies for part in policy.split(";"))
    return any(words[:1] == ["sandbox"] and "allow-scripts" not in words for words in directives)


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
