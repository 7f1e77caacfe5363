"""A storm for the tick that sleeps: nap after nap a schedule fires, and a dispatcher is struck as it switches.

In each nap one dispatcher is killed or stopped on its way to sleep, one on its way to a run, and one before it calls
the crawler that it has noted. The tick's schedule is the only way to a tick: while it is off, nobody calls that one.
"""

import asyncio
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import asyncpg

from tests.storm import journal
from tests.storm.alarm_clock import AlarmClock
from tests.storm.breaks import BREAKS
from tests.storm.cloud import Cloud
from tests.storm.durable import Durable
from tests.storm.faults import FaultLog
from tests.storm.hub import Hub
from tests.storm.machine import Machine
from tests.storm.pages import GENERATION
from tests.storm.process import PRESENCE, SeedResources
from tests.storm.proxy import Proxy
from tests.storm.scale import Scale
from tests.storm.server import Server, fresh
from tests.storm.topic import Topic
from tests.storm.weather import Act, Doom, Weather
from trapline_common.config.models import Config, CrawlConfig, LaneConfig, Robots
from trapline_common.domain.messages import Tick
from trapline_crawler.sessions.seal import Seal

FALLING = ("after fall", "before every_hour", "after every_hour", "before fallen", "after fallen")
"""Where a dispatcher is struck that lets the tick sleep: before, between and after its look, its call and its look."""
WAKING = ("before every_minute", "after every_minute", "after woken", "before insert", "before commit", "after commit")
"""Where one is struck that opens a run: before and after the switch, and around the commit that makes work."""
ASKING = ("after insert_missing", "before claim_asking", "after claim_asking", "before invoke")
"""Where one is killed that has made an invocation and called nobody: only a tick asks for that one again."""
ACTS = (Act.KILL, Act.STOP)
PATIENCE = 60.0
"""Seconds within which a tick must sleep, and a run end: many times what it takes where nobody is struck."""
STARTS = datetime(2026, 1, 1, tzinfo=UTC)
ENDED = """
    SELECT count(*) AS runs, count(*) FILTER (WHERE r.outcome = 'completed' AND r.tasks_done = 1
        AND r.told_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM trapline.alert a WHERE a.run_id = r.id AND a.status = 'due')) AS done
    FROM trapline.run r WHERE r.scheduled_for = $1
"""


class NapWeather(Weather):
    """Calm, but for ``dooms``, which dispatchers have in turn until each has struck one."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, seconds=0.0)
        self.over = True
        self.dooms = deque[Doom]()

    def doom(self, role: str) -> Doom | None:
        """Return what the next process is doomed to."""
        if role != "dispatcher" or not self.dooms:
            return None
        self.dooms.rotate()
        return self.dooms[0]


@dataclass(slots=True, kw_only=True)
class Naps:
    """What one seed came to."""

    seed: int
    """Its number."""
    naps: int = 0
    """How often the tick slept, and a run was worked to its end after it."""
    struck: list[str] = field(default_factory=list)
    """What struck where, in order."""
    violations: list[str] = field(default_factory=list)
    """What did not hold, each in a sentence."""
    sleepless: bool = False
    """Whether the tick did not sleep, so that there was no nap: a fault of its own, or of a machine with much to do."""
    slowest: float = 0.0
    """Seconds from a schedule to the end of its run, at the worst."""


class NapStorm:
    """The parts of one seed while it runs."""

    def __init__(self, seed: int, server: Server, database: str, folder: Path, *, broken: str | None) -> None:
        self.found = Naps(seed=seed)
        self.dsn = server.dsn(database)
        self._random = Random(f"naps {seed}")
        self._scale = Scale()
        self._weather = NapWeather(seed)
        self._faults = FaultLog()
        self._before = 0
        self._proxy = Proxy(server.socket)
        self._database, self._folder, self._broken = database, folder, broken

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the cloud, and the tick's schedule, which is awake."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._proxy.open())
            (self._folder / PRESENCE).mkdir(exist_ok=True)
            resources = SeedResources(
                dsn=f"postgresql://postgres@127.0.0.1:{self._proxy.port}/{self._database}?sslmode=disable",
                socket=self._folder / "hub",
                folder=self._folder,
                key=Seal.new_key(),
                scale=self._scale,
                broken=self._broken,
                tick_sleeps=True,
            )
            self._cloud = Cloud(resources, self._weather, self._faults, config=_config, mean=0.05)
            machine = Machine(self._cloud, self._weather, self._faults, self._scale)
            durable = Durable(self._cloud, self._weather, self._faults, self._scale)
            self._clock = AlarmClock(self._cloud, self._scale)
            topic = Topic(self._weather, self._faults)
            hub = Hub(
                self._cloud, topic, self._proxy, self._faults, machine=machine, durable=durable, clock=self._clock
            )
            await stack.enter_async_context(hub.listen(resources.socket))
            stack.push_async_callback(self._cloud.close)
            stack.push_async_callback(machine.close)
            stack.push_async_callback(durable.close)
            async with asyncio.TaskGroup() as group:
                loops = [group.create_task(one) for one in (self._cloud.wake_sleepers(), self._clock.run())]
                try:
                    yield
                finally:
                    for loop in loops:
                        loop.cancel()

    async def nap(self, number: int) -> bool:
        """Let the tick sleep, a schedule fire, and its run end, one dispatcher struck on each way; say whether it did.

        The schedule fires as soon as a dispatcher was struck that lets the tick sleep: it may be stopped, or have died,
        between its look and its call.
        """
        (falling,) = self._doomed(self._doom(FALLING))
        if not await self._until(lambda: self._struck(falling) or self._clock.asleep is not None):
            self.found.sleepless = True
            return self._wrong(f"nap {number}: the tick did not sleep within {PATIENCE:.0f} s")
        dooms = self._doomed(self._doom(WAKING), self._doom(ASKING, Act.KILL))
        at, began = STARTS + timedelta(hours=number), time.monotonic()
        for _ in range(2):
            self._cloud.submit("dispatcher", Tick(crawl="nap", scheduled_for=at).event())
        connection = await asyncpg.connect(self.dsn)
        try:
            while (row := await connection.fetchrow(ENDED, at)) is not None and row["done"] != 1:
                self._forget(dooms)
                if time.monotonic() - began > PATIENCE:
                    off = "off" if self._clock.asleep is not None else "on"
                    where = ", ".join(self.found.struck[-3:])
                    return self._wrong(
                        f"nap {number}: {row['runs']} runs, none at its end, and the tick is {off}; struck: {where}"
                    )
                await asyncio.sleep(0.05)
        finally:
            await connection.close()
        self._doomed()
        self.found.naps += 1
        self.found.slowest = max(self.found.slowest, time.monotonic() - began)
        return True

    def judge(self) -> None:
        """Add every error that no kill explains."""
        for event in journal.read(self._folder / "journal"):
            if event["event"] == "error":
                self._wrong(f"{event['role']}: {event['error']}")

    def _doom(self, points: tuple[str, ...], act: Act | None = None) -> Doom:
        return Doom(point=self._random.choice(points), nth=1, act=act or self._random.choice(ACTS))

    def _doomed(self, *dooms: Doom) -> tuple[Doom, ...]:
        """Let these strike from now on."""
        self._weather.dooms = deque(dooms)
        self._before = len(self._faults.all)
        return dooms

    def _struck(self, doom: Doom) -> bool:
        """Whether it struck since it was the next."""
        return any(fault.where == f"dispatcher {doom.point}" for fault in self._faults.all[self._before :])

    def _forget(self, dooms: tuple[Doom, ...]) -> None:
        """Strike each once, or twice where two processes had it."""
        for doom in dooms:
            if self._struck(doom) and doom in self._weather.dooms:
                self._weather.dooms.remove(doom)
        self.found.struck = [f"{fault.kind} {fault.where}" for fault in self._faults.all]

    async def _until(self, there: Callable[[], bool]) -> bool:
        until = time.monotonic() + PATIENCE
        while not there():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    def _wrong(self, sentence: str) -> bool:
        self.found.violations.append(sentence)
        return False


def _config() -> Config:
    crawl = CrawlConfig(
        name="nap",
        urls=("http://naps.example/nap/0",),
        lane="nap",
        robots=Robots.IGNORE,
        timeout=5.0,
        headers={GENERATION: "1"},
    )
    return Config(lanes={"nap": LaneConfig(max_invocations=1, tasks_per_invocation=5)}, crawls={"nap": crawl})


async def nap_one(server: Server, seed: int, *, naps: int, broken: str | None = None) -> Naps:
    """Run one seed on ``server``; it ends with the first nap that goes wrong."""
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        async with fresh(server) as database:
            if broken is not None:
                await BREAKS[broken].apply_to(server.dsn(database))
            storm = NapStorm(seed, server, database, Path(folder), broken=broken)
            async with storm.running():
                for number in range(naps):
                    if not await storm.nap(number):
                        break
            storm.judge()
    return storm.found
