"""Counts, sizes, durations and ages as a person reads them: one form each, in tables, alerts and messages."""

from datetime import datetime
from math import floor, log10

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", 1, "s"))
_KIB = 1024
_MS = 1000
_TENTHS_BELOW = 10
"""Numbers below this have one decimal."""


def counted(number: int, word: str, several: str | None = None) -> str:
    """Return ``1 task``, ``3 tasks``, ``1,200 tasks``; ``several`` is the plural where an ``s`` does not make it."""
    return f"{number:,} {word if number == 1 else several or word + 's'}"


def byte_size(count: int | None) -> str:
    """Return bytes in binary units (``512 B``, ``1.5 KiB``, ``20 MiB``), empty for none."""
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" or size >= _TENTHS_BELOW else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def duration(seconds: float | None) -> str:
    """Return a duration in its one or two largest units, empty for none; what is below zero counts as zero.

    ``0s``, ``150ms``, ``3.4s``, ``42s``, ``3m 5s``, ``2h 10m``, ``3d 4h``. For people: it is rounded.
    ``config.durations.format_duration`` writes what a ``crawls.yaml`` reads back exactly.
    """
    if seconds is None:
        return ""
    milliseconds = round(seconds * _MS)
    if milliseconds <= 0:
        return "0s"
    if milliseconds < _MS:
        return f"{milliseconds}ms"
    whole = round(seconds)
    if whole < _TENTHS_BELOW:
        return f"{seconds:.1f}s"
    for size, unit, smaller_size, smaller in _UNITS:
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent, with two digits that count: ``12 %``, ``0.42 %``, ``0.0017 %``."""
    value = share * 100
    if value <= 0:
        return "0 %"
    places = max(0, 1 - floor(log10(value)))
    text = f"{value:.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if places else text} %"


def largest_unit(seconds: float) -> str:
    """Return a duration in its largest unit alone: ``3m``, ``2h``."""
    return duration(seconds).split()[0]


def ago(at: datetime | None, now: datetime) -> str:
    """Return ``at`` relative to ``now``, both by the database's clock: ``5m ago``, ``in 20s``; empty for none."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    size = largest_unit(abs(seconds))
    return f"in {size}" if seconds < 0 else f"{size} ago"
