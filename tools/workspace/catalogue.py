"""A schema as readable SQL, from the catalogue of a database: the same text on every Postgres that is supported."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from trapline_common.ledger.queries import Query, load

_Row = dict[str, Any]
_WIDTH = 120
"""Columns of a line; a function's own text stays as it is."""
_SHORT = 60
"""Columns up to which a table's lines are padded, so that their comments begin in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One reading of the schema ``trapline``. Each list is in the order in which the objects were made."""

    types: list[_Row]
    """Enums and composites: name, the definition after AS, comment."""
    tables: list[_Row]
    """Name, storage options, comment."""
    columns: list[_Row]
    """Table, name, the definition after the name, comment."""
    constraints: list[_Row]
    """Table, name, definition; those of PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY. NOT NULL is part of a column."""
    indexes: list[_Row]
    """Table, definition; those that no constraint made."""
    functions: list[_Row]
    """Name, definition as Postgres writes it, whether PUBLIC may call it, comment."""
    triggers: list[_Row]
    """Table, definition."""
    rows: list[_Row]
    """Rows that a new database begins with: table, its columns and the row's values as SQL."""

    @property
    def without_comment(self) -> list[str]:
        """Return the types, tables, columns and functions that ``comments.sql`` says nothing of."""
        named = [row["name"] for row in (*self.types, *self.tables, *self.functions) if not row["comment"]]
        return named + [f"{row['on']}.{row['name']}" for row in self.columns if not row["comment"]]


async def read_catalogue(connection: "asyncpg.Connection[Any]") -> Catalogue:
    """Read the schema. The connection's ``search_path`` is empty afterwards, so that every name comes out in full."""
    queries = load("catalogue", package="tools.workspace")
    await connection.execute("SET search_path = ''")

    async def read(query: Query) -> list[_Row]:
        return [dict(row) for row in await connection.fetch(query.sql)]

    tables = await read(queries["tables"])
    rows = [found for table in tables for found in await _rows(connection, table["name"], queries["row_columns"])]
    return Catalogue(
        types=await read(queries["types"]),
        tables=tables,
        columns=await read(queries["columns"]),
        constraints=await read(queries["constraints"]),
        indexes=await read(queries["indexes"]),
        functions=await read(queries["functions"]),
        triggers=await read(queries["triggers"]),
        rows=rows,
    )


async def _rows(connection: "asyncpg.Connection[Any]", table: str, columns: Query) -> Iterator[_Row]:
    """Return the rows of a table but the history of migrations; a time is the time at which a database is made."""
    if table == "trapline.migration":
        return iter(())
    found = await connection.fetch(columns.sql, table)
    named = ", ".join(row["name"] for row in found)
    shown = " || ', ' || ".join(row["as_sql"] for row in found)
    rows = await connection.fetch(f"SELECT {shown} AS values FROM {table} ORDER BY 1")
    return iter([{"on": table, "columns": named, "values": row["values"]} for row in rows])


def schema_sql(found: Catalogue, *, header: str) -> str:
    """Return the SQL that makes the schema in an empty database; ``header`` stands at its top as a comment."""
    parts = [_comment(header), "CREATE SCHEMA trapline;"]
    parts += [_type(row) for row in found.types]
    for table in found.tables:
        parts.append("\n".join([_table(table, found), *_of(table, found.indexes)]))
    parts += [f"INSERT INTO {row['on']} ({row['columns']}) VALUES ({row['values']});" for row in found.rows]
    parts += [_function(row) for row in found.functions]
    parts += ["\n".join(lines) for table in found.tables if (lines := _of(table, found.triggers))]
    return "\n\n".join(parts) + "\n"


def _of(table: _Row, rows: list[_Row]) -> list[str]:
    return [f"{_broken(row['definition'])};" for row in rows if row["on"] == table["name"]]


def _sentence(row: _Row) -> list[str]:
    return [_comment(row["comment"])] if row["comment"] else []


def _comment(text: str, indent: str = "") -> str:
    return "\n".join(
        textwrap.fill(
            line, _WIDTH, initial_indent=f"{indent}-- ", subsequent_indent=f"{indent}-- ", break_on_hyphens=False
        )
        for line in text.splitlines()
    )


def _type(row: _Row) -> str:
    return "\n".join([*_sentence(row), _broken(f"CREATE TYPE {row['name']} AS {row['definition']};")])


def _table(table: _Row, found: Catalogue) -> str:
    columns = [row for row in found.columns if row["on"] == table["name"]]
    constraints = [row for row in found.constraints if row["on"] == table["name"]]
    lines = [f"    {row['name']} {row['definition']}" for row in columns]
    lines += [_broken(f"    CONSTRAINT {row['name']} {row['definition']}", "        ") for row in constraints]
    lines[:-1] = [f"{line}," for line in lines[:-1]]
    at = max((len(line) for line in lines[: len(columns)] if len(line) <= _SHORT), default=0)
    body = [
        *(_with_comment(line, row["comment"], at) for line, row in zip(lines, columns, strict=False)),
        *lines[len(columns) :],
    ]
    end = f") WITH ({table['options']});" if table["options"] else ");"
    return "\n".join([*_sentence(table), f"CREATE TABLE {table['name']} (", *body, end])


def _with_comment(line: str, comment: str | None, at: int) -> str:
    """Put a column's comment behind it, in one line with the others, or above where it does not fit."""
    if not comment:
        return line
    beside = f"{line:<{at}}  -- {comment}"
    return beside if len(beside) <= _WIDTH else f"{_comment(comment, '    ')}\n{line}"


def _broken(line: str, indent: str = "    ", *, after: str = r"\s+") -> str:
    """Break a long line outside quotes, at its spaces or at those that follow ``after``."""
    start = line[: len(line) - len(line.lstrip())]
    words = [" ".join(word.split()) for word in re.findall(rf"(?:'(?:[^']|'')*'|(?!{after})[^'])+(?:{after})?", line)]
    lines = [start + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 1 >= _WIDTH:
            lines.append(indent + word)
        else:
            lines[-1] += f" {word}"
    return "\n".join(lines)


def _function(row: _Row) -> str:
    head, _, body = row["definition"].partition("\nAS ")
    name, returns, *rest = (line.strip() for line in head.splitlines())
    opening = [
        _broken(name.replace(" OR REPLACE", "", 1), "        ", after=", "),
        _broken(f"    {returns}", "        ", after=", "),
        f"    {' '.join(rest)}",
        f"AS {body.rstrip()};",
    ]
    ours = [] if row["public"] else [f"REVOKE ALL ON FUNCTION {row['name']} FROM PUBLIC;"]
    return "\n".join([*_sentence(row), *opening, *ours])
