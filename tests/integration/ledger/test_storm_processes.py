"""The storm's measure of caps can fail, and does not where the product is right: crawlers are real processes here."""

import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from support.ledger import LANE, location, make_old, open_run, urls
from tests.storm.faults import FaultLog
from tests.storm.processes import Processes
from tests.storm.sampler import Sampler
from tests.storm.scale import Scale
from trapline_common.config.models import LaneConfig
from trapline_common.domain.ids import LaneName, OwnerToken
from trapline_common.ledger import invocations, lanes, rescue
from trapline_common.ledger.connection import Database

WIDE = LaneName("wide")
SCALE = Scale()
PAGES = 3
"""In flight, of one invocation."""


class Clock:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


class Lane:
    """A lane, six processes that are there as its crawlers, and the storm's sampler."""

    def __init__(self, folder: Path, pids: list[int], database: Database, dsn: str) -> None:
        self.clock = Clock()
        self._opened = dict.fromkeys(pids, 0)
        self._database, self._dsn = database, dsn
        self._processes = Processes(folder=folder, scale=SCALE, clock=self.clock)

    async def cap(self, most: int) -> None:
        """Store the lane's cap, as a dispatcher does."""
        config = LaneConfig(max_invocations=most, tasks_per_invocation=10, pages_in_flight=PAGES)
        await lanes.put_lane(self._database, WIDE, config)

    async def look(self) -> list[str]:
        """Let the sampler look once; return what is wrong."""
        sampler = Sampler(dsn=self._dsn, ended=Counter(), faults=FaultLog(), processes=self._processes)
        connection = await asyncpg.connect(self._dsn)
        try:
            await sampler._sample(connection)
        finally:
            await connection.close()
        return list(self._processes.broken)

    async def fail_first(self, *, silent_for: float) -> None:
        """Let a failure record end the first crawler's row, so many seconds after its last heartbeat."""
        await open_run(self._database, urls(1))
        (row,) = (await lanes.plan(self._database, LANE)).created
        name = f"process {next(iter(self._opened))}"
        await invocations.become_ready(
            self._database, row, owner=OwnerToken(uuid4()), request_id="r", process_name=name
        )
        await make_old(self._database, "invocation", "heartbeat_at", silent_for)
        failed = rescue.fail_reported(
            self._database, row, request_id="r", reason="x", silent_for=silent_for, location=location
        )
        assert await failed

    async def age(self, seconds: float) -> None:
        """Let that have happened so many seconds before."""
        await make_old(self._database, "invocation", "ended_at", seconds)

    def open_pages(self, crawlers: int, pages: int) -> None:
        """Let the first few ``crawlers`` open so many ``pages`` each."""
        for pid in list(self._opened)[:crawlers]:
            self._opened[pid] += pages
            presence = self._processes.folder / f"{WIDE}.{pid}"
            presence.write_bytes(struct.pack("<ii", self._opened[pid], 0))


@pytest.fixture
def crawlers() -> Iterator[list[int]]:
    """Six processes, by their ids."""
    processes = [subprocess.Popen(["sleep", "600"]) for _ in range(6)]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
async def lane(database: Database, dsn: str, tmp_path: Path, crawlers: list[int]) -> Lane:
    """A lane of six crawlers with a cap of six, known to the storm."""
    await database.connection.execute(files("tests.storm").joinpath("audit.sql").read_text())
    one = Lane(tmp_path, crawlers, database, dsn)
    one.open_pages(6, 0)
    await one.cap(6)
    assert await one.look() == []
    return one


async def test_more_crawlers_than_the_cap_are_noticed(lane: Lane) -> None:
    """A cap that was low for longer than a function lives: each that is there beyond it is one too many."""
    await lane.cap(4)
    await lane.look()
    lane.clock.now += SCALE.function + 1
    assert await lane.look() == ["6 crawlers that can run in the lane wide, whose cap is 4"]


async def test_crawlers_above_a_lowered_cap_may_take_their_time_to_end(lane: Lane) -> None:
    """A slow machine brings to its end what was begun: nothing is wrong while no more is opened than was under way."""
    await lane.cap(2)
    await lane.look()
    lane.open_pages(6, 20)
    lane.clock.now += SCALE.lowered + 1
    assert await lane.look() == []
    lane.open_pages(2, 100)
    lane.open_pages(6, PAGES)
    lane.clock.now += 10
    assert await lane.look() == []


async def test_crawlers_that_go_on_above_a_lowered_cap_are_noticed(lane: Lane) -> None:
    """What no crawler may do whose cap was lowered, however slow its machine is: open one page after the other."""
    await lane.cap(2)
    await lane.look()
    lane.clock.now += SCALE.lowered + 1
    assert await lane.look() == []
    lane.open_pages(3, PAGES + 1)
    assert await lane.look() == ["3 crawlers open pages in the lane wide, whose cap was lowered to 2"]


async def test_a_cap_that_stood_for_a_moment_is_known(lane: Lane) -> None:
    """A dispatcher with an old config raises the cap again, the next one lowers it: crawlers came in between.

    Of what a lane has between two looks nothing is seen in the lane.
    """
    await lane.cap(2)
    await lane.look()
    lane.clock.now += SCALE.lowered + 1
    assert await lane.look() == []
    await lane.cap(6)
    await lane.cap(2)
    lane.open_pages(6, 20)
    assert await lane.look() == []
    lane.clock.now += SCALE.lowered + 1
    assert await lane.look() == []
    lane.open_pages(6, PAGES + 1)
    assert await lane.look() == ["6 crawlers open pages in the lane wide, whose cap was lowered to 2"]


async def test_a_raised_cap_is_known_as_soon_as_a_crawler_came_by_it(lane: Lane) -> None:
    """The look at the crawlers comes first, then the look at the limits: no crawler is seen before its cap."""
    await lane.cap(2)
    await lane.look()
    lane.clock.now += SCALE.function + SCALE.lowered
    await lane.cap(6)
    lane.open_pages(6, 20)
    assert await lane.look() == []


async def test_a_crawler_that_a_failure_record_ended_though_it_beat_is_noticed(lane: Lane) -> None:
    """The record may be about another delivery with the same request id: nobody who beats may be taken for it."""
    await lane.fail_first(silent_for=0)
    assert await lane.look() == ["a crawler that can run though its invocation is failed"]


async def test_a_silent_crawler_that_a_failure_record_ended_has_a_heartbeats_time(lane: Lane) -> None:
    """It lives, and was silent for too long: with its next heartbeat it learns that its row has ended, and ends too."""
    await lane.cap(5)
    await lane.look()
    lane.clock.now += SCALE.function + 1
    await lane.fail_first(silent_for=SCALE.believed)
    assert await lane.look() == []
    await lane.age(SCALE.lowered + 1)
    assert await lane.look() == [
        "a crawler that can run though its invocation is failed",
        "6 crawlers that can run in the lane wide, whose cap is 5",
    ]
