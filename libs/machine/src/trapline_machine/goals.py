"""What a loop works for: ``trapline crawl`` for the end of its runs, ``trapline serve`` for ever."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.runs import RunRow, find_runs, unended_runs

TICK = 1.5
"""Seconds between two reaps: the minute's tick of AWS, for a person who waits, and while there is work."""
IDLE_TICK = 15.0
"""Seconds between two reaps while nothing is under way."""

_OFTEN = 60
"""Looks at short intervals: some seconds of them."""


class Goal(Protocol):
    """When a loop is over, which runs it shows, and how often it looks."""

    @property
    def reached(self) -> bool:
        """Whether the loop is over, by the last look."""
        ...

    @property
    def gives_up(self) -> bool:
        """Whether crawlers that die again and again end the loop: a person waits, and can do something."""
        ...

    @property
    def look_every(self) -> float:
        """Seconds between two looks, at least."""
        ...

    @property
    def reap_every(self) -> float:
        """Seconds between two reaps."""
        ...

    async def look(self, database: Database) -> Sequence[RunRow]:
        """Return the runs whose progress is shown, oldest first."""
        ...


@dataclass(slots=True, kw_only=True)
class RunsEnd:
    """A ``Goal``: these runs have ended."""

    runs: Sequence[RunId]
    """The runs."""
    reached: bool = False
    """Whether all of them have."""
    gives_up: bool = True
    """Always."""
    reap_every: float = TICK
    """Seconds."""
    _looks: int = 0
    """Looks so far."""

    @property
    def look_every(self) -> float:
        """Seconds; often at first, for whoever waits for one page. A big run is read less often."""
        return 0.05 if self._looks <= _OFTEN else 0.2

    async def look(self, database: Database) -> Sequence[RunRow]:
        self._looks += 1
        rows = [row for _, row in sorted((await find_runs(database, self.runs)).items())]
        self.reached = all(row.status == RunStatus.ENDED for row in rows)
        return rows


@dataclass(slots=True, kw_only=True)
class Endless:
    """A ``Goal`` that is never reached: whatever run there is, whoever opened it."""

    reached: bool = False
    """Never."""
    gives_up: bool = False
    """Never: the lane's own pause after false starts holds, and the state tells."""
    look_every: float = 1.0
    """Seconds."""
    reap_every: float = TICK
    """Seconds, by whether anything is under way."""
    _open: set[int] = field(default_factory=set)
    """Runs that had not ended at the last look."""

    async def look(self, database: Database) -> Sequence[RunRow]:
        unended = await unended_runs(database)
        shown, self._open = {*self._open, *unended}, set(unended)
        rows = await find_runs(database, sorted(shown)) if shown else {}
        self.reap_every = TICK if unended else IDLE_TICK
        return [row for _, row in sorted(rows.items())]
