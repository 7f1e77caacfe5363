"""The next share, leased with the last result of the one before: a round trip and a commit less for each share."""

from collections.abc import Callable, Sequence

from trapline_common.ledger import tasks
from trapline_common.ledger.invocations import Held


class ShareAlong:
    """One result at a time asks for a share; the work loop says when, and collects what came."""

    def __init__(self) -> None:
        self.wanted: Callable[[], bool] = lambda: False
        """Whether the work loop would lease as soon as the task of this result has ended. The loop sets it."""
        self._asked = False
        self._came: list[tasks.LeasedTask] = []

    @property
    def pending(self) -> bool:
        """Whether a share is asked for, or came and was not collected: nobody leases another then."""
        return self._asked or bool(self._came)

    def ask(self, held: Held) -> tasks.NextShare | None:
        """Return what the result that is written next leases along; each ``NextShare`` is followed by ``arrived``."""
        if self.pending or not self.wanted():
            return None
        self._asked = True
        return tasks.NextShare(held=held, size=held.tasks_per_invocation)

    def arrived(self, share: Sequence[tasks.LeasedTask]) -> None:
        """Keep what came with the result; nothing, where the result was not written."""
        self._asked = False
        self._came.extend(share)

    def collect(self) -> list[tasks.LeasedTask]:
        """Return what came, once."""
        came, self._came = self._came, []
        return came
