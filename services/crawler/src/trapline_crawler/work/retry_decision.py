"""Whether a page that failed is visited again within its run, and after how long. Pure."""

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.politeness.decision import LONGEST_HOST_PAUSE, LONGEST_PAUSED, Deferred

MAX_BACKOFF = 60.0
"""Seconds; the retries within a run wait 1, 2, 4, ... up to this."""


def retry_after(failure: Failure, *, attempts: int, retries: int, host_pause: float) -> float | None:
    """Return the seconds to wait before the page is tried again after ``failure``; ``None`` when it is not.

    ``attempts`` earlier ones were charged to the crawl's ``retries``. ``host_pause``: the seconds for which the host
    asks not to be visited, 0 when it asks for none; a retry never comes sooner. A host that asks for more than
    ``LONGEST_HOST_PAUSE`` gets no retry, because every run must end.
    """
    if not failure.retry or attempts >= retries or host_pause > LONGEST_HOST_PAUSE:
        return None
    return max(backoff(attempts), host_pause)


def backoff(attempts: int) -> float:
    """Return the seconds to wait before the retry that follows ``attempts`` earlier ones."""
    return min(MAX_BACKOFF, 2.0 ** min(attempts, 10))


def paused_too_long(deferred: Deferred) -> Failure:
    """Return the failure of a page that the pauses of its host have put off for as long as a page waits at most."""
    hours = LONGEST_PAUSED / 3600
    return Failure(
        reason=Reason.BLOCKED, detail=f"{deferred.reason}; it has been put off for {hours:g} hours in all", retry=False
    )
