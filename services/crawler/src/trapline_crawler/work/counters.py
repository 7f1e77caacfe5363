"""What one invocation did, in numbers."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Tally:
    """``stale``: writes that the fence refused. ``rescued``: tasks given back, charged, for no fault of the page.

    ``put_off``: given back until their host may be visited.
    """

    done: int = 0
    failed: int = 0
    retried: int = 0
    rescued: int = 0
    handed_back: int = 0
    put_off: int = 0
    stale: int = 0
    shares: int = 0

    def facts(self) -> dict[str, int]:
        """Return the numbers for the log and the handler's answer."""
        return {
            "done": self.done,
            "failed": self.failed,
            "retried": self.retried,
            "rescued": self.rescued,
            "handed_back": self.handed_back,
            "put_off": self.put_off,
            "stale": self.stale,
            "shares": self.shares,
        }
