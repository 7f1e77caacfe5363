"""What politeness decides about a page: it may be visited now, or later."""

from dataclasses import dataclass

LONGEST_HOST_PAUSE = 3600.0
"""Seconds a page waits for a host that asks for a back-off by ``Retry-After``; every run must end."""

LONGEST_PAUSED = 21_600.0
"""Seconds for which the pauses that its host asks for put a page off in all; then it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The site's robots.txt lets the crawler visit the page."""

    delay: float = 0.0
    """Seconds since the host's last visit at the earliest; ``Crawl-delay``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The task is started: visit now."""

    refusals: int = 0
    """How often in a row the host refused before this visit, which finds out whether it still does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The page's turn is too far away to be waited for: the task goes back until then."""

    seconds: float
    """Until the page may be tried again."""
    reason: str
    """For people: what the page waits for."""
    pause: bool = False
    """Whether the host itself asks for it, which no page waits for without end; else its turn is to come."""
