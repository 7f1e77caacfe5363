"""What two looks at a screen have in common: whether anything but the moment differs."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


def tag_of(screen: Any) -> str:
    """Return a text that is the same for two screens that differ in their moment alone, within half a minute."""
    moment: datetime = screen.at
    return f"{int(moment.timestamp()) // 30} {replace(screen, at=_ONCE)!r}"
