"""How a row of a view becomes its dataclass."""

from typing import TypeVar

import asyncpg

T = TypeVar("T")


def read(kind: type[T], row: asyncpg.Record) -> T:
    """Return a row as the dataclass whose fields its columns are named after."""
    return kind(**dict(row))
