"""The common part of the commands that list rows of the ledger: JSON, a table, or a note that there is none."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from trapline.access.ledger import nothing_yet, reading
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline.render.printer import Printer
from trapline.render.table_cells import Row
from trapline.render.table_layout import Column
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.database import now

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """One list of rows: its name, its query and its table."""

    name: str
    """The key in JSON, a plural: ``runs``."""
    read: Callable[[Database], Awaitable[Sequence[T]]]
    """Reads the rows, newest first, with the command's filters and limit."""
    table: Callable[[Sequence[T], datetime], tuple[Sequence[Column], list[Row]]]
    """Returns the columns and a line per row, given the database's time."""
    limit: int
    """Most rows; as many as this may mean that there are more."""

    async def show(self, *, data_dir: Path, database_url: str | None, json: bool) -> None:
        """Print ``{"<name>": [...]}`` or a table; an empty list when there is no ledger yet."""
        async with reading(data_dir, database_url) as database:
            found = [] if database is None else await self.read(database)
            at = None if database is None else await now(database)
        if json:
            print_json({self.name: found})
        elif at is None:
            note(nothing_yet(data_dir, database_url))
        elif not found:
            note(f"no such {self.name.removesuffix('s')}")
        else:
            Printer().table(*self.table(found, at))
            if len(found) == self.limit:
                note(f"the newest {self.limit:,} {self.name}; --limit shows more")
