"""What one visit may cost beyond the crawl's own ``timeout``."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLimits:
    """Seconds and bytes.

    ``size``: what one visit may load. ``watch_after``: a load that takes longer is watched for its size and for a body
    that broke off; before that nothing is, because watching costs more than most pages. ``answer``: how long a page may
    take to answer a question of ours before it counts as hung. ``pages_per_tab``: a reused page is replaced after as many
    visits, which bounds the memory its renderer gathers.
    """

    size: int = 50 * MIB
    text: int = 256 * 1024
    watch_after: float = 1.0
    answer: float = 5.0
    evidence: float = 8.0
    open: float = 15.0
    close: float = 5.0
    pages_per_tab: int = 100

    @property
    def beyond_timeout(self) -> float:
        """Seconds that a visit may take beyond its crawl's ``timeout`` when every bound is used up; usual: none."""
        return self.open + 3 * self.answer + self.evidence + 2 * self.close
