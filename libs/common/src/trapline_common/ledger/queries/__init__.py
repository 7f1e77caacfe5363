"""Named SQL. Each ``*.sql`` file holds statements that begin with ``-- name: NAME``; no SQL is built from strings."""

import re
from dataclasses import dataclass
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One named statement."""

    name: str
    """The word after ``-- name:``."""
    sql: str
    """The statement."""


def load(file: str, *, package: str = __name__) -> dict[str, Query]:
    """Return the statements of ``FILE.sql`` in ``package`` by name."""
    text = files(package).joinpath(f"{file}.sql").read_text("utf-8")
    parts = _NAME.split(text)
    return {name: Query(name, sql.strip()) for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
