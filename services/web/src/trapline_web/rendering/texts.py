"""Values as a person reads them. Everything that a page wrote is made visible here, and escaped by the templates."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from trapline_common.platform.invisible import INVISIBLE
from trapline_common.platform.text import byte_size, counted, duration

_MS = 1_000
_URL_SHOWN = 120
_SMALL_MS = 10_000


def seen(value: object) -> str:
    """Return a text with every invisible character as U+FFFD: none hides or reorders what stands beside it."""
    return INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", "" if value is None else str(value).expandtabs(4))


def one_line(value: object) -> str:
    """Return a text on one line."""
    return seen(" ".join("" if value is None else str(value).split()))


def href(url: object) -> str | None:
    """Return a URL that a link may lead to: of http or https, with a host; ``None`` for every other."""
    text = "" if url is None else str(url)
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and host and not INVISIBLE.search(text) else None


def url_path(url: object) -> str:
    """Return the part of a URL that tells pages of one site apart, cut in its middle."""
    parts = urlsplit(one_line(url)) if href(url) else None
    text = one_line(url) if parts is None else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    half = _URL_SHOWN // 2
    return text if len(text) <= _URL_SHOWN else f"{text[:half]}…{text[-half:]}"


def utc(at: datetime) -> str:
    """Return a moment as it stands where no script rewrites it: ``Sat 28 Nov 2026 08:04 UTC``."""
    return f"{at.astimezone(UTC):%a %-d %b %Y %H:%M} UTC"


def iso(at: datetime) -> str:
    """Return a moment for programs, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def since(at: datetime, now: datetime) -> str:
    """Return how far a moment is from now: ``5m ago``, ``in 2h 10m``."""
    seconds = (now - at).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def milliseconds(value: float | None) -> str:
    """Return a duration that is measured in milliseconds; empty for none."""
    if value is None:
        return ""
    return f"{value:,.0f} ms" if value < _SMALL_MS else duration(value / _MS)


def money(value: float) -> str:
    """Return dollars with as many digits as tell something."""
    return f"${value:.4f}" if value < 0.01 else f"${value:.3f}" if value < 1 else f"${value:,.2f}"  # noqa: PLR2004


__all__ = [
    "byte_size",
    "counted",
    "duration",
    "href",
    "iso",
    "milliseconds",
    "money",
    "one_line",
    "seen",
    "since",
    "url_path",
    "utc",
]
