"""What struck whom and when, and how long it took until nothing of it was left."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Fault:
    """One stroke of bad weather, and its end."""

    kind: str
    """What happened; begins with the call that it struck, where it struck one (``Invoke: delivered twice``)."""
    where: str
    """What it struck: a function, with the fail-point where there is one, or the database."""
    worth: int = 0
    """How many invocations it may have cost."""
    invocation: str | None = None
    """The invocation that it struck, if it struck one."""
    process_name: str | None = None
    """The name of the process in which that invocation ran when it was struck, as the ledger has it."""
    at: float = field(default_factory=time.monotonic)
    """When it struck, by the monotonic clock."""
    over: float | None = None
    """When nothing of it was left, by the monotonic clock; ``None`` until then. The sampler sets it."""


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
