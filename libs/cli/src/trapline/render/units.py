"""Times, durations and sizes as a person reads them: local time with its zone, or how long ago."""

from datetime import datetime

_SECOND_IN_MS = 1000


def moment(at: datetime | None) -> str:
    """Return local time to the second with its zone, empty for none."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def minute(at: datetime | None) -> str:
    """Return local time to the minute with its zone, empty for none."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def milliseconds(value: float | None) -> str:
    """Return milliseconds, as seconds from one second up; empty for none."""
    if value is None:
        return ""
    return f"{value:.0f}ms" if value < _SECOND_IN_MS else f"{value / _SECOND_IN_MS:.1f}s"
