"""The product's connection to the ledger, with a fail-point before and after every named query and commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from tests.storm.journal import Journal
from tests.storm.points import FailPoints
from tests.storm.presence import Presence
from trapline_common.ledger.connection import Database, Patience
from trapline_common.ledger.queries import Query

FLUSH = "SELECT storm.flush_alerts()"
RESULTS = frozenset({"complete_visit", "complete_and_lease"})
"""The named queries that write a visit's result."""
RESULT = 9
"""The arguments of each that say what the result is; others may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a connection of the storm needs."""

    points: FailPoints
    """Strikes before and after each named query."""
    journal: Journal
    """Notes what was won, once it has committed."""
    presence: Presence | None = None
    """An ordinary crawler's: it begins when its ``ready`` has committed."""
    outbox_is_apart: bool = False
    """The break that writes alerts in a transaction of their own."""


class StormDatabase(Database):
    """Hands everything on to the product's ``Database``; journals what was won once it has committed."""

    __slots__ = ("_witness", "_won")

    _witness: Witness
    _won: list[dict[str, Any]]

    @classmethod
    async def open(cls, dsn: str, *, application: str, patience: Patience, witness: Witness) -> Self:
        """Connect as ``Database.connect`` does."""
        database = await cls.connect(dsn, application=application, patience=patience)
        database._witness, database._won = witness, []
        name = database.connection._transport.get_extra_info("sockname")  # type: ignore[attr-defined]
        if isinstance(name, tuple):  # not a socket of this machine alone, which no network can cut
            witness.points.ports.append(name[1])
        return database

    @asynccontextmanager
    async def transaction(self, *, bounded: bool = True) -> AsyncIterator[None]:
        async with super().transaction(bounded=bounded):
            yield
            await self._witness.points.at("before commit")
        won, self._won = self._won, []
        for facts in won:
            self._witness.journal.write(**facts)
            if facts["event"] == "ready" and self._witness.presence is not None:
                self._witness.presence.begin()
        await self._witness.points.at("after commit")

    async def fetch(self, query: Query, *args: object) -> list[asyncpg.Record]:
        await self._witness.points.at(f"before {query.name}")
        rows = await super().fetch(query, *args)
        if query.name in RESULTS:
            await self._completed(rows[0]["outcome"], *args)
        await self._witness.points.at(f"after {query.name}")
        return rows

    async def fetchrow(self, query: Query, *args: object) -> asyncpg.Record | None:
        await self._witness.points.at(f"before {query.name}")
        row = await super().fetchrow(query, *args)
        if query.name == "ready" and row is not None:
            self._won.append({"event": "ready", "invocation": args[0]})
        elif query.name == "resume" and row is not None:
            self._witness.journal.write("resumed", invocation=args[0], execution=args[1])
        await self._witness.points.at(f"after {query.name}")
        return row

    async def fetchval(self, query: Query, *args: object) -> Any:
        await self._witness.points.at(f"before {query.name}")
        found = await super().fetchval(query, *args)
        if query.name in RESULTS:
            await self._completed(found, *args)
        await self._witness.points.at(f"after {query.name}")
        return found

    async def _completed(self, outcome: str, *args: object) -> None:
        task, fence, holder, step, *_, alerts = args[:RESULT]
        assert isinstance(step, tuple)  # a trapline.task_step: its status and position come first
        facts = {"task": task, "fence": fence, "holder": holder, "status": step[0], "position": step[1]}
        if outcome == "ok" and self._is_ours():
            self._won.append({"event": "completed", **facts})  # poison, within the rescue's transaction
        elif outcome == "ok":
            self._witness.journal.write("completed", **facts)
        if alerts is not None:
            await self._witness.points.at("alert committed")
        if self._witness.outbox_is_apart and not self._is_ours():
            await self.fetch(Query("flush_alerts", FLUSH))
