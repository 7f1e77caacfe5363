"""The bounds of one visit beyond the crawl's own ``timeout``."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLimits:
    """Bounds in seconds and bytes; tests set shorter ones."""

    size: int = 50 * MIB
    """Bytes that one visit may load."""
    text: int = 256 * 1024
    """Bytes of normalised text that are kept; the hash covers all of it."""
    slow_after: float = 1.0
    """Seconds until a load counts as slow. From then on its size, and a body that broke off, are watched for; before
    that nothing is, because watching costs more than most pages."""
    answer: float = 5.0
    """Seconds that a page may take to answer a question of the crawler before it counts as hung."""
    evidence: float = 8.0
    """Seconds for screenshot and HTML, and for each part of a session's state."""
    open: float = 15.0
    """Seconds to open a context or a page, and to set a page up."""
    close: float = 5.0
    """Seconds to close a context or a page, and to undo a page's set-up."""
    visits_per_page: int = 100
    """Visits after which a reused page is replaced, which bounds the memory that its renderer gathers."""

    @property
    def beyond_timeout(self) -> float:
        """Seconds that a visit may take beyond its crawl's ``timeout`` when every bound is used up; usually none."""
        return self.open + 3 * self.answer + self.evidence + 2 * self.close
