"""A person who opens runs by hand and cancels each as soon as the next one waits for its crawler."""

import asyncio
import time
from uuid import UUID, uuid4

from tests.storm.cloud import Cloud
from tests.storm.faults import Fault, FaultLog
from tests.storm.weather import Weather
from tests.storm.world import LANES, WHIMS, World
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.ids import RunId
from trapline_common.domain.messages import Count, OpenRun
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query

OPENED = Query("opened", "SELECT id FROM trapline.run WHERE request = $1 AND status <> 'opening'")
STARTED = Query("started", "SELECT id FROM trapline.task WHERE run_id = $1 AND started_at IS NOT NULL LIMIT 1")
WITHIN = 15.0
"""Seconds that one step of a run is waited for; the storm goes on without it."""


class Whims:
    """The lane has one invocation, so each cancel lets the next run's tasks wait for a process that still lives."""

    def __init__(self, cloud: Cloud, world: World, weather: Weather, faults: FaultLog, *, dsn: str) -> None:
        self._cloud = cloud
        self._world = world
        self._weather = weather
        self._faults = faults
        self._dsn = dsn

    async def run(self) -> None:
        """Open all runs, and cancel all but the last."""
        last: RunId | None = None
        for number in range(self._world.whims):
            request = uuid4()
            for copy in range(2):
                opening = OpenRun(crawl=WHIMS[number % 2], request=request, task_token=f"run whim {number} {copy}")
                self._cloud.submit("dispatcher", opening.event())
            run = await self._until(OPENED, request)
            if last is not None:
                await self._cancel(last)
                self._cloud.submit("dispatcher", Count(lane="brief").event())
            last = RunId(run) if run else last
            if last is not None:
                await self._until(STARTED, last)
            await asyncio.sleep(self._weather.pick((0.05, 0.15, 0.3)))

    async def _cancel(self, run_id: RunId) -> None:
        self._faults.add(Fault(kind="run cancelled", where="crawler", worth=2 * LANES["brief"].max_invocations))
        ends = time.monotonic() + WITHIN
        while time.monotonic() < ends:
            try:
                async with await Database.connect(self._dsn, application="trapline-operator") as database:
                    await runs.cancel(database, run_id)
                return
            except LedgerUnavailableError:
                await asyncio.sleep(0.1)

    async def _until(self, query: Query, about: UUID | RunId) -> int | None:
        """Return what the statement finds, as soon as it does; ``None`` when it does not in time."""
        ends = time.monotonic() + WITHIN
        while time.monotonic() < ends:
            try:
                async with await Database.connect(self._dsn) as database:
                    while time.monotonic() < ends:
                        if found := await database.fetchval(query, about):
                            return int(found)
                        await asyncio.sleep(0.02)
            except LedgerUnavailableError:
                await asyncio.sleep(0.1)
        return None
