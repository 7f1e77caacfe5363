"""The stage on which invocations live."""

from pathlib import Path

import pytest

from support.crawler_stage import Stage
from trapline_common.store.database import Database


@pytest.fixture
def stage(dsn: str, database: Database, tmp_path: Path) -> Stage:
    """Return the stage of one test."""
    return Stage(dsn=dsn, database=database, artifacts=tmp_path)
