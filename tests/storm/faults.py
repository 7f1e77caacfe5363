"""What struck whom and when, and how long it took until nothing of it was left."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Fault:
    """``at`` and ``over`` are seconds of the monotonic clock; ``place`` names the struck process in the ledger.

    ``worth``: how many invocations it may have cost.
    """

    kind: str
    where: str
    worth: int = 0
    invocation: str | None = None
    place: str | None = None
    at: float = field(default_factory=time.monotonic)
    over: float | None = None


class FaultLog:
    """All faults of one seed."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Note a fault at the moment it strikes."""
        self.all.append(fault)

    @property
    def open(self) -> list[Fault]:
        """Faults that are not known to be over."""
        return [fault for fault in self.all if fault.over is None]

    @property
    def worth(self) -> int:
        """How many invocations the faults may have cost in all."""
        return sum(fault.worth for fault in self.all)

    def kinds(self) -> Counter[str]:
        """Return how often each kind struck."""
        return Counter(fault.kind for fault in self.all)

    def recoveries(self) -> list[float]:
        """Return the seconds from each fault to full recovery."""
        return [fault.over - fault.at for fault in self.all if fault.over is not None]
