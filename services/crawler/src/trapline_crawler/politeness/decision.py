"""What politeness decides about a page: visit it, or not now."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Visit, ``delay`` seconds after the host's last visit at the earliest."""

    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """Not now: try again after ``seconds``."""

    seconds: float
    reason: str
