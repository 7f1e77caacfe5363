"""Which artifacts may be deleted: those of deleted observations that no other observation names."""

from collections.abc import Sequence
from dataclasses import dataclass

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("artifacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """What the ledger says of some keys at one moment."""

    named: frozenset[str]
    """Those that an observation names: they stay."""
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
