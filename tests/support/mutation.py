"""Breaks the ledger on purpose, in one place: a function of the database, or a named query of the code."""

from dataclasses import dataclass

import pytest

from trapline_common.ledger import (
    accepting,
    acknowledging,
    announcing,
    answering,
    invocations,
    lanes,
    mutes,
    outbox,
    rescue,
    resending,
    run_cancel,
    run_end,
    run_pages,
    runs,
    slices,
    tasks,
    waves,
)
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query

MODULES = (
    accepting,
    acknowledging,
    announcing,
    answering,
    invocations,
    lanes,
    mutes,
    outbox,
    resending,
    rescue,
    run_cancel,
    run_end,
    run_pages,
    runs,
    slices,
    tasks,
    waves,
)
"""Each has loaded its own copy of the query files it uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One guard of the ledger to break."""

    target: str
    """A function of the database, a query as ``file.query``, or ``sql``, which runs ``new``."""
    old: str
    """The text to replace; empty: all of it."""
    new: str
    """What stands in its place."""

    async def apply(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        """Break it. Raises ``LookupError`` when ``old`` is not there: the mutation would break nothing."""
        if self.target == "sql":
            await database.connection.execute(self.new)
        elif "." in self.target:
            self.apply_to_query(patch)
        else:
            text = await database.connection.fetchval(
                "SELECT pg_get_functiondef(to_regproc('trapline.' || $1))", self.target
            )
            await database.connection.execute(self._mutate(text))

    def apply_to_query(self, patch: pytest.MonkeyPatch) -> None:
        """Break a named query of this process. Raises ``LookupError`` as ``apply`` does."""
        file, name = self.target.split(".")
        copies = [queries for module in MODULES if name in (queries := getattr(module, f"_{file.upper()}", {}))]
        if not copies:
            raise LookupError(f"no module has a query {self.target}")
        for queries in copies:
            patch.setitem(queries, name, Query(name, self._mutate(queries[name].sql)))

    def _mutate(self, text: str) -> str:
        if not self.old:
            return self.new
        if self.old not in text:
            raise LookupError(f"{self.target} does not hold {self.old!r}")
        return text.replace(self.old, self.new)
