"""A schema as readable SQL, from the catalogue of a database: the same text on every Postgres that is supported."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from trapline_common.ledger.queries import load

Catalogue = Mapping[str, Sequence[asyncpg.Record]]
"""One reading of the schema ``trapline``: the rows of each query of ``catalogue.sql`` by its name, and ``inserts``."""
_WIDTH = 120
"""Columns of a line; a function's own text stays as it is."""
_SHORT = 60
"""Columns up to which a table's lines are padded, so that their comments begin in one line."""


async def read_catalogue(connection: "asyncpg.Connection[Any]") -> Catalogue:
    """Read the schema. The connection's ``search_path`` is empty afterwards, so that every name comes out in full."""
    queries = load("catalogue", package="docs.site")
    await connection.execute("SET search_path = ''")
    found = {name: await connection.fetch(query.sql) for name, query in queries.items()}
    inserts = [row for query in found["row_queries"] for row in await connection.fetch(query["definition"])]
    return found | {"inserts": inserts}


def without_comment(found: Catalogue) -> list[str]:
    """Return the types, tables, columns and functions that ``comments.sql`` says nothing of."""
    kinds = ("types", "tables", "columns", "functions")
    return [row["name"] for kind in kinds for row in found[kind] if not row["comment"]]


def schema_sql(found: Catalogue, *, header: str) -> str:
    """Return the SQL that makes the schema in an empty database; ``header`` stands at its top as a comment."""
    parts = [_comment(header), "CREATE SCHEMA trapline;"]
    parts += ["\n".join([*_sentence(row), _broken(f"{row['definition']};")]) for row in found["types"]]
    for table in found["tables"]:
        parts.append("\n".join([_table(table, found), *_of(table, found["indexes"])]))
    parts += [f"{row['definition']};" for row in found["inserts"]]
    parts += [_function(row) for row in found["functions"]]
    parts += ["\n".join(lines) for table in found["tables"] if (lines := _of(table, found["triggers"]))]
    return "\n\n".join(parts) + "\n"


def _of(table: asyncpg.Record, rows: Sequence[asyncpg.Record]) -> list[str]:
    return [f"{_broken(row['definition'])};" for row in rows if row["on"] == table["name"]]


def _sentence(row: asyncpg.Record) -> list[str]:
    return [_comment(row["comment"])] if row["comment"] else []


def _comment(text: str, indent: str = "") -> str:
    return "\n".join(
        textwrap.fill(
            line, _WIDTH, initial_indent=f"{indent}-- ", subsequent_indent=f"{indent}-- ", break_on_hyphens=False
        )
        for line in text.splitlines()
    )


def _table(table: asyncpg.Record, found: Catalogue) -> str:
    columns, constraints = (
        [row for row in found[of] if row["on"] == table["name"]] for of in ("columns", "constraints")
    )
    lines = [f"    {row['definition']}" for row in columns]
    lines += [_broken(f"    {row['definition']}", "        ") for row in constraints]
    lines[:-1] = [f"{line}," for line in lines[:-1]]
    own = lines[: len(columns)]
    at = max((len(line) for line in own if len(line) <= _SHORT), default=0)
    lines[: len(own)] = [_with_comment(line, row["comment"], at) for line, row in zip(own, columns, strict=True)]
    end = f") WITH ({table['options']});" if table["options"] else ");"
    return "\n".join([*_sentence(table), f"CREATE TABLE {table['name']} (", *lines, end])


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


def _function(row: asyncpg.Record) -> str:
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
