"""One ledger for all that only look, one for hostile texts, and a browser."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from support.postgres import TEMPLATE, with_database
from support.web_ledger import Seeded, seed
from support.web_stage import Stage
from support.web_view import Recorded, Served, served
from trapline_common.ledger.connection import Database
from trapline_crawler.browser.find import find_browser


def _stage(postgres: str, artifacts: Path, *, name: str, hostile: bool) -> Iterator[Stage]:
    async def build() -> Seeded:
        async with await Database.connect(postgres) as server:
            await server.connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        async with await Database.connect(with_database(postgres, name)) as database:
            return await seed(database, artifacts, hostile=hostile)

    async def drop() -> None:
        async with await Database.connect(postgres) as server:
            await server.connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    yield Stage(dsn=with_database(postgres, name), artifacts=artifacts, seeded=asyncio.run(build()))
    asyncio.run(drop())


@pytest.fixture(scope="session")
def shop(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A ledger of eight rounds; nothing here may write into it."""
    yield from _stage(postgres, tmp_path_factory.mktemp("shop"), name="web_shop", hostile=False)


@pytest.fixture(scope="session")
def bad(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A ledger whose pages write hostile texts into every place that they can reach."""
    yield from _stage(postgres, tmp_path_factory.mktemp("bad"), name="web_bad", hostile=True)


@pytest.fixture
def actions() -> Recorded:
    """Actions that are noted and not done."""
    return Recorded()


@pytest.fixture
async def view(shop: Stage, actions: Recorded) -> AsyncIterator[Served]:
    """The view of the shop's ledger."""
    async with served(shop.dsn, shop.artifacts, actions=actions) as found:
        yield found


@pytest.fixture
async def bad_view(bad: Stage, actions: Recorded) -> AsyncIterator[Served]:
    """The view of the hostile ledger."""
    async with served(bad.dsn, bad.artifacts, actions=actions) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium."""
    async with async_playwright() as playwright:
        choice = find_browser(os.environ.get("TRAPLINE_BROWSER"))
        started = await playwright.chromium.launch(executable_path=choice.executable, args=["--no-sandbox"])
        try:
            yield started
        finally:
            await started.close()
