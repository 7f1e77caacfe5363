"""The last release: its ledger, restored, and its code, which runs beside today's."""

import gzip
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from support.command import Trapline, trapline
from support.last_release import unpack
from support.postgres import fresh_database
from support.quick_folder import quick_folder
from support.upgrade_site import FOLDER, UpgradeSite, upgrade_site


@pytest.fixture
def site() -> Iterator[UpgradeSite]:
    """The pages that the last release crawled, as they were in the end."""
    with upgrade_site() as found:
        found.answers_slow.set()
        yield found


@pytest.fixture
async def restored(postgres: str, site: UpgradeSite) -> AsyncIterator[str]:
    """DSN of a ledger as the last release left it, of the pages of ``site``."""
    async with fresh_database(postgres, template="template0") as dsn:
        text = gzip.decompress((FOLDER / "last_release.sql.gz").read_bytes()).decode()
        connection = await asyncpg.connect(dsn)
        try:
            host = site.url.removeprefix("http://")
            await connection.execute(text.replace("@SITE@", site.url).replace("@HOST@", host))
        finally:
            await connection.close()
        yield dsn


@pytest.fixture
def command(restored: str) -> Iterator[Trapline]:
    """Today's ``trapline`` command on that ledger."""
    with trapline() as found:
        found.environ["DATABASE_URL"] = restored
        yield found


@pytest.fixture(scope="session")
def last_release() -> Iterator[Path]:
    """The folder of the last release's code."""
    with quick_folder() as folder:
        yield unpack(folder)
