"""The storm's breaks: each still finds in the product what it is to break."""

from importlib.resources import files

import pytest

from tests.storm.breaks import BREAKS
from trapline_common.ledger.connection import Database


async def test_every_break_finds_what_it_breaks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A break whose text is no longer there breaks nothing, and a storm that does not notice it proves nothing."""
    await database.connection.execute(files("tests.storm").joinpath("audit.sql").read_text())
    for one in BREAKS.values():
        with monkeypatch.context() as patch:
            await one.apply(database, patch)
