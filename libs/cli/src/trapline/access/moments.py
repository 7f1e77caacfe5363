"""Ends in time as a person writes them: how long from now, or when."""

from datetime import datetime, timedelta

from trapline_common.config.durations import parse_duration
from trapline_common.domain.errors import InputRefusedError

_VALID = "how long, such as 2h, 2d, or a time, such as 2026-12-24T08:00 (this machine's zone) or 2026-12-24T08:00Z"


def parse_end(text: str) -> datetime | timedelta:
    """Return a time with its zone, or how long from now; a time without a zone is of the person's own.

    Raises ``InputRefusedError`` that says what is valid.
    """
    if text[-1:].isalpha() and not text.endswith(("Z", "z")):
        try:
            return timedelta(seconds=parse_duration(text))
        except (ValueError, OverflowError) as error:
            raise InputRefusedError(f"--until {text}: must be {_VALID}") from error
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise InputRefusedError(f"--until {text}: must be {_VALID}") from error
