"""Several reads as one statement: what a screen shows is asked for in one round trip, and planned once.

Each read stays a named query of its own. Postgres hands its rows over as one JSON document, so that a screen of ten
reads is one statement with ten columns.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Row = dict[str, Any]
"""One row by its columns; a value of ``jsonb`` is unpacked, and a time or an id is text until a model reads it."""
_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read(Generic[T_co]):
    """A query with its arguments, and what its rows become."""

    query: Query
    """The query; its columns have names."""
    arguments: tuple[object, ...] = ()
    """For its ``$1``, ``$2`` and so on."""
    made: Callable[[list[Row]], T_co]
    """Makes the answer from the rows, which are in the query's order."""


class Answers:
    """What reads found, each by its read."""

    def __init__(self, found: dict[Read[Any], Any]) -> None:
        self._found = found

    def __getitem__(self, one: Read[T]) -> T:
        answer: T = self._found[one]
        return answer


async def read_together(database: Database, *reads: Read[Any]) -> Answers:
    """Perform reads as one statement; they see one moment. Raises as ``Database.fetchrow`` does."""
    arguments = [argument for one in reads for argument in one.arguments]
    row = await database.fetchrow(_joined(tuple((one.query, len(one.arguments)) for one in reads)), *arguments)
    assert row is not None, "a SELECT without FROM has one row"
    return Answers({one: one.made(json.loads(text)) for one, text in zip(reads, row, strict=True)})


async def read_alone(database: Database, one: Read[T]) -> T:
    """Perform one read."""
    return (await read_together(database, one))[one]


@cache
def _joined(parts: Sequence[tuple[Query, int]]) -> Query:
    """Return one statement of one row, with a column for each query; ``parts`` says how many arguments each takes."""
    columns: list[str] = []
    before = 0
    for query, count in parts:
        sql = _counted_from(before, query.sql.rstrip(";"))
        # only named queries come in here, never a value
        columns.append(f"(SELECT coalesce(json_agg(q), '[]')::text FROM (\n{sql}\n) q) AS r{len(columns)}")  # noqa: S608
        before += count
    return Query(" ".join(query.name for query, _ in parts), "SELECT " + ",\n".join(columns))


def _counted_from(before: int, sql: str) -> str:
    return _PLACE.sub(lambda place: f"${int(place[1]) + before}", sql)


def rows_of(kind: type[T]) -> Callable[[list[Row]], tuple[T, ...]]:
    """Return what makes a tuple of a model whose fields the columns are named after; other columns are passed over."""
    return _adapter(cast("Any", kind)).validate_python


@cache
def _adapter(kind: Any) -> TypeAdapter[tuple[Any, ...]]:
    return TypeAdapter(tuple[kind, ...])


def row_of(kind: type[T]) -> Callable[[list[Row]], T | None]:
    """Return what makes the model of the first row; ``None`` without one."""
    many = rows_of(kind)
    return lambda rows: next(iter(many(rows[:1])), None)


def only_row_of(kind: type[T]) -> Callable[[list[Row]], T]:
    """Return what makes the model of the one row that an aggregate always has."""
    many = rows_of(kind)
    return lambda rows: many(rows)[0]


def column_of(name: str, kind: type[T]) -> Callable[[list[Row]], tuple[T, ...]]:
    """Return what makes a tuple of one column."""
    many = _adapter(cast("Any", kind))
    return lambda rows: many.validate_python([row[name] for row in rows])
