"""Points in time as a person reads them: local time with its zone."""

from datetime import datetime


def moment(at: datetime | None) -> str:
    """Return local time to the second with its zone, empty for none."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def minute(at: datetime | None) -> str:
    """Return local time to the minute with its zone, empty for none."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
