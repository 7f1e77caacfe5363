"""When the storm counts a process as one that can run: neither too late, nor while it can open nothing."""

import os
from pathlib import Path
from random import Random
from typing import NoReturn
from uuid import uuid4

from support.ledger import LANE, open_run, urls
from tests.storm.journal import Journal
from tests.storm.ledger import StormDatabase, Witness
from tests.storm.pages import SimulatedVisitor
from tests.storm.points import FailPoints
from tests.storm.presence import Presence, look
from trapline_common.domain.ids import OwnerToken
from trapline_common.ledger import invocations, lanes
from trapline_common.ledger.connection import Database, Patience
from trapline_common.local.artifacts import DirectoryArtifacts


async def _became_ready(dsn: str, folder: Path, presence: Presence | None) -> None:
    """Let a crawler of the storm take an invocation from ``pending`` to ``ready``, as its first step."""
    points = FailPoints(None, tell=_nobody, role="crawler", invocation=None)
    witness = Witness(points=points, journal=Journal(folder / "journal"), presence=presence)
    database = await StormDatabase.open(dsn, application="crawler", patience=Patience(), witness=witness)
    async with database:
        await open_run(database, urls(1))
        (row,) = (await lanes.plan(database, LANE)).created
        held = await invocations.become_ready(
            database, row, owner=OwnerToken(uuid4()), request_id="r", process_name=f"process {os.getpid()}"
        )
        assert held is not None


async def _nobody(message: object) -> NoReturn:
    raise AssertionError(f"no fault strikes here: {message}")


async def test_an_ordinary_crawler_is_counted_from_its_ready_on(database: Database, dsn: str, tmp_path: Path) -> None:
    """From then on it opens pages without asking for its slot again."""
    presence = Presence(tmp_path / "presence", LANE)
    await _became_ready(dsn, tmp_path, presence)
    assert list(look(tmp_path / "presence")) == [os.getpid()]


async def test_a_durable_one_is_counted_while_it_has_a_browser(database: Database, dsn: str, tmp_path: Path) -> None:
    """After its first step it asks the ledger before each slice: one that is kept waiting there can open nothing."""
    folder = tmp_path / "presence"
    presence = Presence(folder, LANE)
    await _became_ready(dsn, tmp_path, None)
    assert not look(folder)
    for _ in range(2):  # two slices
        visitor = SimulatedVisitor(
            Random(1), artifacts=DirectoryArtifacts(tmp_path), poison=_nobody, mean=0.01, presence=presence
        )
        assert list(look(folder)) == [os.getpid()]
        await visitor.close()
        assert not look(folder)
