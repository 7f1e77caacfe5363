"""Which artifacts may be deleted: those of deleted observations that no other observation names.

On one machine the ledger's notes say where to look. A bucket is walked through instead, for what a killed crawler left
was never noted, and what the ledger names must not grow old there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("artifacts")

WALK_EVERY = 86_400.0
"""Seconds from the begin of one walk through a bucket to that of the next: a list of a million names costs a cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """What the ledger says of some keys at one moment."""

    named: frozenset[str]
    """Those that an observation, or a log-in's problem, names: they stay."""
    longest_under_way: float | None
    """Seconds since the oldest invocation under way was counted. What was put since then may be named by it yet."""


async def unnamed(database: Database, *, most: int) -> list[str]:
    """Return keys whose observation retention deleted, the oldest first."""
    return [row["key"] for row in await database.fetch(_QUERIES["unnamed"], most)]


async def deletable(database: Database, keys: Sequence[str]) -> Deletable:
    """Say which of ``keys`` stay, and how old the others must be. The caller lets nobody put them meanwhile.

    The time is read first: an invocation that ends after that has committed what it names before the names are read,
    and one that is counted after that puts what it names anew.
    """
    longest = await database.fetchval(_QUERIES["longest_under_way"])
    rows = await database.fetch(_QUERIES["named"], list(keys))
    return Deletable(named=frozenset(row["key"] for row in rows), longest_under_way=longest)


async def forget(database: Database, keys: Sequence[str]) -> None:
    """Drop the note about keys that are deleted, or named again."""
    await database.fetch(_QUERIES["forget"], list(keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the ledger names at one moment."""

    keys: frozenset[str]
    """Those of the keys asked for."""
    now: datetime
    """The moment, by the database's clock."""


async def named(database: Database, keys: Sequence[str]) -> Named:
    """Say which of ``keys`` the ledger names."""
    now = await database.fetchval(_QUERIES["moment"])
    rows = await database.fetch(_QUERIES["named"], list(keys))
    return Named(keys=frozenset(row["key"] for row in rows), now=now)


async def walk(database: Database, store: str, *, every: float = WALK_EVERY) -> str | None:
    """Return the key after which the walk through ``store`` goes on, empty at its begin; ``None``: none is due."""
    await database.fetch(_QUERIES["begin_walk"], store, every)
    after: str | None = await database.fetchval(_QUERIES["walked_to"], store)
    return after


async def step(database: Database, store: str, *, after: str, to: str | None) -> bool:
    """Note how far the walk came, ``None``: to its end; return whether it is still ours, and no other tick's.

    A walk to the end has decided about each key that was noted before it began: those notes go.
    """
    began = await database.fetchval(_QUERIES["step"], store, after, to)
    if began is not None and to is None:
        await database.fetch(_QUERIES["forget_before"], began)
    return began is not None
