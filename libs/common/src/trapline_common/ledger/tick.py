"""Whether the minute's tick comes each minute or sleeps, as the ledger has it, and when something is due next.

Whoever makes work holds the tick awake until it has committed (``held``). A tick that finds nothing due falls asleep by
compare-and-set, alone (``fall``): at that moment nobody makes work, and none of it is left.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.artifacts import WALK_EVERY
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.retention import Retention

_TICK = load("tick")

TICK = "TRAPLINE_TICK"
"""The environment variable of whoever switches it: group and name of its schedule; empty, or not set: it never sleeps.
"""
LATELY = 300.0
"""Seconds: ``awake`` is believed where a tick came within them. Five ticks; after a switch EventBridge may take one or
two minutes. What the ledger does not know, a schedule that is gone or a restored snapshot, costs no longer than that.
"""
FALLS_WITHIN = 45.0
"""Seconds after which a fall that came to no end is over: longer than the two calls of it, 15 s each at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """What the tick of this deployment does beside runs and alerts."""

    archives: bool
    """Whether ended runs go to an archive."""
    answers: bool
    """Whether task tokens are answered."""
    retention: Retention | None
    """What is deleted; ``None``: nothing."""
    store: str | None
    """The bucket of artifacts that is walked through; ``None``: none is."""

    def arguments(self) -> tuple[object, ...]:
        """Return the arguments of ``trapline.due``."""
        days = None if self.retention is None else self.retention.days
        archived_only = self.retention is not None and self.retention.archived_only
        return self.archives, self.answers, days, archived_only, self.store, WALK_EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the tick has something to do next."""

    at: datetime | None
    """The time, past or ahead; ``None``: nothing that is there becomes due."""
    now: datetime
    """When it was asked, by the database's clock."""

    def within(self, soon: timedelta) -> bool:
        """Return whether that is now, or within ``soon``."""
        return self.at is not None and self.at <= self.now + soon


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the ledger says of the tick."""

    number: int
    """Grows with each change."""
    awake: bool
    """Whether it is switched on, and came lately."""
    falling: bool
    """Whether another process switches it off at the moment."""


async def next_due(database: Database, chores: Chores) -> Due:
    """Return when something is due next. Raises ``LedgerUnavailableError``."""
    row = await database.fetchrow(_TICK["next_due"], *chores.arguments())
    assert row is not None, "a function returns a row"
    return Due(at=row["at"], now=row["now"])


async def due(database: Database, chores: Chores) -> dict[str, datetime | None]:
    """Return when each job is due next, for people and tests."""
    return {row["job"]: row["at"] for row in await database.fetch(_TICK["due"], *chores.arguments())}


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[None]:
    """Let no tick fall asleep as long as the block lasts, or as this connection lives.

    It waits for a fall's short transaction alone. What is committed in the block is seen by the tick that comes after.
    """
    await database.fetch(_TICK["hold"])
    try:
        yield
    finally:
        with suppress(LedgerUnavailableError):  # the lock went with the connection
            await database.fetch(_TICK["let_go"])


async def state(database: Database) -> State:
    """Return what the ledger says of the tick."""
    row = await database.fetchrow(_TICK["state"], LATELY, FALLS_WITHIN)
    assert row is not None, "the migration wrote the row"
    return State(number=row["number"], awake=row["awake"], falling=row["falling"])


async def came(database: Database) -> int | None:
    """Note that a tick came; return the number that its fall is compared with.

    ``None``: it is not awake, or the last one came so long ago that the ledger may be wrong.
    """
    number: int | None = await database.fetchval(_TICK["came"], LATELY)
    return number


async def woken(database: Database, number: int) -> int | None:
    """Note that the tick was switched on, after it was; return the number of that.

    ``None``: since it had the ``number`` that was read before the switch, somebody else has switched it, on or off.
    """
    found: int | None = await database.fetchval(_TICK["woken"], number)
    return found


async def fall(database: Database, chores: Chores, *, seen: int, soon: timedelta) -> tuple[int, Due] | None:
    """Begin to fall asleep; return the fall's number and what is due later, or ``None``: the tick stays awake.

    It does where something is due within ``soon``, where somebody makes work, and where the number ``seen`` has grown.
    """
    async with database.transaction():
        if not await database.fetchval(_TICK["try_alone"]):
            return None
        # A statement of its own, behind the lock: it sees what the last holder committed.
        found = await next_due(database, chores)
        number = None if found.within(soon) else await database.fetchval(_TICK["fall"], seen)
    return None if number is None else (number, found)


async def fallen(database: Database, number: int) -> bool:
    """Note that the fall of this number is at its end; ``False``: the tick was switched on meanwhile."""
    return await database.fetchval(_TICK["fallen"], number) is not None
