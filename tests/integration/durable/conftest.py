"""The stage of the crawler, and the durable function over it."""

from pathlib import Path

import pytest

from support.crawler_stage import Stage
from support.durable_function import DurableFunction
from support.postgres import as_role
from trapline_common.ledger.connection import Database


@pytest.fixture
def stage(dsn: str, database: Database, tmp_path: Path) -> Stage:
    """Return the stage of one test; invocations log in as the crawler does on AWS."""
    return Stage(dsn=as_role(dsn, "trapline_crawler"), database=database, artifacts=tmp_path)


@pytest.fixture
def function(dsn: str) -> DurableFunction:
    """Return the durable function, never called so far."""
    return DurableFunction(dsn=dsn)
