"""What one invocation did, in numbers."""

from dataclasses import asdict, dataclass


@dataclass(slots=True, kw_only=True)
class Counters:
    """The work of one invocation so far; each number is in the log and in the handler's answer under its name."""

    done: int = 0
    """Tasks that ended ``done``."""
    failed: int = 0
    """Tasks that ended ``failed``."""
    retried: int = 0
    """Retries of pages: of a page task in a later lease, of an ordered task in place."""
    rescued: int = 0
    """Tasks given back and charged, for a fault that is not the page's."""
    handed_back: int = 0
    """Tasks given back, uncharged, for want of time or on a request to stop."""
    put_off: int = 0
    """Tasks given back, uncharged, until their host may be visited."""
    stale: int = 0
    """Writes that the fence refused, because the lease was lost."""
    shares: int = 0
    """Shares of tasks leased."""

    def facts(self) -> dict[str, int]:
        """Return the numbers for the log and the handler's answer."""
        return asdict(self)
