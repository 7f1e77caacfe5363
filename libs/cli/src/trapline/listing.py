"""What the commands that list rows of the ledger have in common."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from trapline.access.ledger import nothing_yet, reading
from trapline.render.json import print_json
from trapline.render.printer import Printer, note
from trapline.render.tables.cells import Row
from trapline.render.tables.layout import Column
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views import runs as run_views

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """One list: what it is called in JSON, how it is read and how it is laid out, given the database's time."""

    name: str
    read: Callable[[Database], Awaitable[Sequence[T]]]
    table: Callable[[Sequence[T], datetime], tuple[Sequence[Column], list[Row]]]
    limit: int

    async def show(self, *, data_dir: Path, database_url: str | None, json: bool) -> None:
        """Print ``{"<name>": [...]}`` or a table; an empty list when there is no ledger yet."""
        async with reading(data_dir, database_url) as database:
            found = [] if database is None else await self.read(database)
            now = None if database is None else await run_views.now(database)
        if json:
            print_json({self.name: found})
        elif now is None:
            note(nothing_yet(data_dir, database_url))
        elif not found:
            note(f"no such {self.name.removesuffix('s')}")
        else:
            Printer().table(*self.table(found, now))
            if len(found) == self.limit:
                note(f"the newest {self.limit:,} {self.name}; --limit shows more")
