"""What a screen costs: statements on any ledger, and plans on a large one. `make bench ARGS="--only web"` has CPU."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from support.postgres import TEMPLATE, with_database
from support.web_load import asked, build
from support.web_stage import Stage, addresses
from support.web_view import served
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.screens.catalogue import SCREENS, read_screen

MOST = 6
STATEMENTS = {"overview": 2, "cancel": 0}
"""Statements that read for a screen, where it is not one. A screen that takes more by purpose says so here."""
LARGE = "web_large"
OBSERVATIONS = 60_000
TABLES = {"alert", "delivery", "invocation", "observation", "run", "task"}
"""Those that grow with every run. Pages are as many as are watched, and the lists of pages count them all."""


@asynccontextmanager
async def noted(dsn: str) -> AsyncIterator[tuple[Database, list[LoggedQuery]]]:
    """Connect, and note every statement that a screen reads with."""
    statements: list[LoggedQuery] = []

    def note(query: LoggedQuery) -> None:
        if query.query.startswith("SELECT (SELECT"):  # what together.py puts together
            statements.append(query)

    async with await Database.connect(dsn) as database:
        with database.connection.query_logger(note):
            yield database, statements


async def test_each_screen_takes_few_statements(shop: Stage) -> None:
    """Over the wire and with all that a page shows: one that is added by oversight is seen here."""
    statements: list[str] = []

    async def connect() -> Database:
        database = await Database.connect(shop.dsn)
        database.connection.add_query_logger(lambda query: statements.append(query.query))
        return database

    async with served(shop.dsn, shop.artifacts, connect=connect) as view:
        await view.get("/")  # the connection is made, and asks the server for the types that it has to read
        for name, path in addresses(shop).items():
            statements.clear()
            assert (await view.get(path)).status == 200, name
            found = [each for each in statements if not each.startswith(("BEGIN", "ROLLBACK"))]
            assert len(found) == STATEMENTS.get(name, 1) <= MOST, (name, found)
            assert len(statements) - len(found) == (2 if found else 0), "a screen is one transaction"


@pytest.fixture(scope="module")
def large(postgres: str) -> Iterator[str]:
    """DSN of a ledger of 2,000 pages and 500 crawls, large enough for the planner to prefer indexes."""

    async def make() -> None:
        async with await Database.connect(postgres) as server:
            await server.connection.execute(f"CREATE DATABASE {LARGE} TEMPLATE {TEMPLATE}")
        async with await Database.connect(with_database(postgres, LARGE)) as database:
            await build(database, observations=OBSERVATIONS)

    async def drop() -> None:
        async with await Database.connect(postgres) as server:
            await server.connection.execute(f"DROP DATABASE {LARGE} WITH (FORCE)")

    asyncio.run(make())
    yield with_database(postgres, LARGE)
    asyncio.run(drop())


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


async def test_no_screen_reads_a_whole_table(large: str) -> None:
    """Every plan stays on indexes, whatever a screen is asked with, and no answer is larger than 300 kB."""
    async with noted(large) as (database, statements):
        for name, screen in SCREENS.items():
            for given in asked().get(name, [{}]):
                statements.clear()
                found = await read_screen(database, name, given)
                assert len(screen.answer.dump_json(found)) < 300_000, name  # what the reader function answers with
                for one in list(statements):
                    text = await database.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {one.query}", *one.args)
                    scanned = [node for node in _nodes(json.loads(text)[0]["Plan"]) if node["Node Type"] == "Seq Scan"]
                    read = [node for node in scanned if node["Relation Name"] in TABLES and node["Actual Loops"]]
                    assert not read, (name, given, read)
