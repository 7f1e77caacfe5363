"""A clock that a test sets, and the records of ticks in a ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query
from trapline_machine.serve.clock import Clock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = """
    SELECT scheduled_for, coalesce(outcome::text, status::text) AS state, reason FROM trapline.run
    WHERE crawl = $1 ORDER BY id
"""


@dataclass(slots=True, kw_only=True)
class SetClock:
    """What time it is."""

    time: datetime = NOON
    """Now."""

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, look_every=0.01)

    def go_on(self, **by: float) -> None:
        """Let some time pass, given as for a ``timedelta``."""
        self.time += timedelta(**by)


class KilledError(BaseException):
    """The process is killed here: nothing below catches this."""


@dataclass(slots=True)
class Fuse:
    """Kills at one of the steps of a process, before it or after it."""

    step: int
    """At which."""
    after: bool
    """Whether the step is still done."""
    taken: int = 0
    """Steps so far."""

    def before_step(self) -> None:
        self.taken += 1
        if self.taken == self.step and not self.after:
            raise KilledError

    def after_step(self) -> None:
        if self.taken == self.step and self.after:
            raise KilledError


class FusedDatabase(Database):
    """A connection each statement of which is a step."""

    fuse: Fuse

    async def fetch(self, query: Query, *args: object) -> list[Any]:
        self.fuse.before_step()
        found = await super().fetch(query, *args)
        self.fuse.after_step()
        return found

    async def fetchval(self, query: Query, *args: object) -> Any:
        self.fuse.before_step()
        found = await super().fetchval(query, *args)
        self.fuse.after_step()
        return found
