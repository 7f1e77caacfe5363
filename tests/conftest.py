"""Fixtures every test may use: the embedded Postgres and a migrated database of one's own."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from support.order import arranged
from support.postgres import fresh_database, serve
from support.quick_folder import quick_folder
from tools.terraform import binary as terraform
from trapline_common.ledger.connection import Database

KEPT_OUT = (
    ("trapline_common.platform.logging", "_scrubbers"),
    ("trapline_crawler.visit.resolved_secrets", "_logged"),
)
"""Lists of a process that keep secrets out of its logs for ever."""
GO = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""How seldom Go's programs collect garbage: Terraform holds the provider's schema, some 100 MB, and spends a third of
its time on walking through it again and again. It takes 0.8 GB in place of 0.3, and no more than the limit."""
NEEDS_TERRAFORM = frozenset({"aws", "terraform_binary"})
"""Fixtures that run it."""


def pytest_configure() -> None:
    """Set up this process for what it starts.

    It hears Ctrl-C as a process of a terminal does: a shell lets what it starts in the background ignore SIGINT, and
    some tests press Ctrl-C, in this process or in one that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, value in GO.items():
        os.environ.setdefault(name, value)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Arrange what `pytest-randomly` has shuffled; the run's header names the seed that makes the same order again."""
    items[:] = arranged(items, config.rootpath)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Terraform where there is none: here alone, so that the report says it in one line.

    ``.ci/run`` refuses every skip.
    """
    if NEEDS_TERRAFORM.intersection(getattr(item, "fixturenames", ())) and terraform.binary(os.environ) is None:
        pytest.skip("Terraform is not installed")


@pytest.fixture(autouse=True)
def _secrets_of_one_test() -> Iterator[None]:
    """Let no test's secrets be kept out of the logs of the next: `no` is one of them, and is in many a word."""
    before = [tuple(getattr(sys.modules.get(name), of, ())) for name, of in KEPT_OUT]
    yield
    for (name, of), kept in zip(KEPT_OUT, before, strict=True):
        held = getattr(sys.modules.get(name), of, [])
        held.clear()
        held.extend(kept)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """DSN of a real Postgres that lives as long as the test session."""
    with quick_folder() as folder:
        yield from serve(folder)


@pytest.fixture
async def dsn(postgres: str) -> AsyncIterator[str]:
    """DSN of a migrated database of this test alone."""
    async with fresh_database(postgres) as found:
        yield found


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """One connection to this test's database."""
    async with await Database.connect(dsn) as connection:
        yield connection
