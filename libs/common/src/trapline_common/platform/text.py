"""Counts, sizes, durations and ages as a person reads them."""

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

_UNITS = ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", 1, "s"))

_KIB = 1024

_TENTHS_BELOW = 10


def ago(at: datetime | None, now: datetime) -> str:
    """Return ``at`` relative to ``now``, both by the database's clock: ``5m ago``, ``in 20s``; empty for none."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    size = span(abs(seconds)).split()[0]
    return f"in {size}" if seconds < 0 else f"{size} ago"


def span(seconds: float | None) -> str:
    """Return a duration in its one or two largest units: ``0.8s``, ``42s``, ``3m 5s``, ``2h 10m``, ``3d 4h``."""
    if seconds is None:
        return ""
    if seconds < _TENTHS_BELOW:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in _UNITS:
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def byte_size(count: int | None) -> str:
    """Return bytes in binary units, empty for none."""
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" or size >= _TENTHS_BELOW else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def counted(number: int, word: str, several: str | None = None) -> str:
    """Return ``1 task``, ``3 tasks``."""
    return f"{number:,} {word if number == 1 else several or word + 's'}"
