"""One seed: a world, its storm, and the verdict."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.storm import attic, journal
from tests.storm.alarm_clock import AlarmClock
from tests.storm.breaks import BREAKS
from tests.storm.cloud import Cloud
from tests.storm.durable import Durable
from tests.storm.faults import Fault, FaultLog
from tests.storm.hub import Hub
from tests.storm.hush import hush
from tests.storm.machine import Machine
from tests.storm.process import PRESENCE, SeedResources
from tests.storm.processes import Processes
from tests.storm.proxy import Proxy
from tests.storm.sampler import GONE, Sampler
from tests.storm.scale import Scale
from tests.storm.server import Server, fresh
from tests.storm.topic import Topic
from tests.storm.verdict import (
    Verdict,
    judge,
    judge_ends,
    judge_locks,
    judge_retention,
    shared_or_deadly,
    too_often,
)
from tests.storm.weather import Blow, Weather
from tests.storm.whims import Whims
from tests.storm.world import LANES, World
from trapline_common.domain.messages import Drain, Enqueue
from trapline_common.domain.via import Via
from trapline_crawler.sessions.seal import Seal

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'trapline-%'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run."""

    seed: int
    """Decides everything that is random."""
    tasks: int
    """In all runs together."""
    seconds: float = 12.0
    """Of bad weather."""
    mean: float = 0.07
    """Seconds of a visit, on average."""
    broken: str | None = None
    """A name of ``BREAKS``; ``None`` for the product as it is."""
    scale: Scale = field(default_factory=Scale)
    """The product's times."""
    via: Via = Via.EVENT
    """How the lanes of ``WORKED`` are worked."""


class Storm:
    """The parts of one seed while it runs."""

    def __init__(self, order: Order, server: Server, database: str, folder: Path) -> None:
        self.order = order
        self.folder = folder
        self.generation = 1
        self.world = World(order.seed, order.tasks, whims=max(3, round(order.seconds / 2)), via=order.via)
        self.weather = Weather(order.seed, seconds=order.seconds, via=order.via)
        self.faults = FaultLog()
        self.topic = Topic(self.weather, self.faults)
        self.proxy = Proxy(server.socket)
        self.dsn = server.dsn(database)
        self._server = server
        self._database = database

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything that goes on by itself: the cloud, the minute's ticks and drains, the blows, the sampler."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.proxy.open())
            resources = SeedResources(
                dsn=f"postgresql://postgres@127.0.0.1:{self.proxy.port}/{self._database}?sslmode=disable",
                socket=self.folder / "hub",
                folder=self.folder,
                key=Seal.new_key(),
                scale=self.order.scale,
                broken=self.order.broken,
            )
            config = lambda: self.world.config(self.generation)  # noqa: E731  (the cloud asks at each tick)
            self.cloud = Cloud(resources, self.weather, self.faults, config=config, mean=self.order.mean)
            self.machine = Machine(self.cloud, self.weather, self.faults, self.order.scale)
            self.durable = Durable(self.cloud, self.weather, self.faults, self.order.scale)
            processes = Processes(folder=self.folder / PRESENCE, scale=self.order.scale)
            self.sampler = Sampler(dsn=self.dsn, cloud=self.cloud, faults=self.faults, processes=processes)
            clock = AlarmClock(self.cloud, self.order.scale)
            hub = Hub(
                self.cloud,
                self.topic,
                self.proxy,
                self.faults,
                machine=self.machine,
                durable=self.durable,
                clock=clock,
            )
            await stack.enter_async_context(hub.listen(resources.socket))
            stack.push_async_callback(self.cloud.close)
            stack.push_async_callback(self.machine.close)
            stack.push_async_callback(self.durable.close)
            loops = [
                asyncio.create_task(one)
                for one in (
                    self.sampler.run(),
                    self.cloud.wake_sleepers(),
                    clock.run(),
                    self._drains(),
                    self._strike(),
                    Whims(self.cloud, self.world, self.weather, self.faults, dsn=self.dsn).run(),
                )
            ]
            try:
                yield
            finally:
                for loop in loops:
                    loop.cancel()
                results = await asyncio.gather(*loops, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    @property
    def is_idle(self) -> bool:
        """Whether no execution runs."""
        return self.machine.idle and self.durable.idle

    async def _drains(self) -> None:
        """Two notifiers at once, every tick."""
        while True:
            for _ in range(2 if self.cloud.queued("notifier") < 4 else 0):
                self.cloud.submit("notifier", Drain().event())
            await asyncio.sleep(self.order.scale.tick)

    async def _strike(self) -> None:
        began = time.monotonic()
        for at, blow in self.weather.blows:
            await asyncio.sleep(began + at - time.monotonic())
            await self._blow(blow)
        await asyncio.sleep(began + self.weather.seconds - time.monotonic())
        self.weather.over = True

    async def _blow(self, blow: Blow) -> None:
        if blow is Blow.RESTART:
            self.faults.add(Fault(kind=blow, where="database", worth=self.cloud.crawlers()))
            await self._server.restart_at_once()
        elif blow in {Blow.LOWER, Blow.RAISE}:
            # The config changes; the next minute tick brings it to the ledger. What is ended early is made again.
            self.faults.add(Fault(kind=blow, where="dispatcher", worth=LANES["wide"].max_invocations))
            self.world.lowered = blow is Blow.LOWER
        elif blow in {Blow.SWITCH, Blow.BACK}:
            self.faults.add(Fault(kind=blow, where="dispatcher", worth=LANES["wide"].max_invocations))
            self.world.switched = blow is Blow.SWITCH
        elif blow is Blow.CUT and self.proxy.ports:
            self.faults.add(Fault(kind=f"{blow}: any", where="database", worth=1))
            self.proxy.freeze(self.weather.pick(self.proxy.ports))
        elif blow is Blow.TERMINATE:
            connection = await asyncpg.connect(self.dsn)
            try:
                backends = [row["pid"] for row in await connection.fetch(BACKENDS)]
                if backends:
                    self.faults.add(Fault(kind=blow, where="database", worth=1))
                    await connection.execute("SELECT pg_terminate_backend($1)", self.weather.pick(backends))
            finally:
                await connection.close()

    async def crawl(self, progress: Callable[["Storm"], None]) -> bool:
        """Let the schedules fire, twice each, and wait until all is done; ``False`` when that takes too long."""
        for event in self.world.ticks(1):
            self.cloud.submit("dispatcher", event)
        until = time.monotonic() + self.order.scale.seed_limit
        while time.monotonic() < until and not self._noticed():
            progress(self)
            await asyncio.sleep(0.1)
            seen = self.sampler.progress
            if self.generation == 1 and seen.runs == len(self.world.first) and seen.tasks > 0:
                await self._second_generation()
            quiet = not seen.due and not seen.untold and not self.faults.open and self.is_idle
            if self.weather.over and seen.runs_ended == self.world.runs and quiet:
                return True
        return False

    def _noticed(self) -> bool:
        """Whether a product that was broken on purpose has shown it already: no need to wait for the end."""
        if self.order.broken is None:
            return False
        events = list(journal.read(self.folder / "journal"))
        found = shared_or_deadly(events) or too_often(self.machine.heard) or self.sampler.processes.broken
        return bool(found) or any(event["event"] == "error" for event in events)

    async def _second_generation(self) -> None:
        """The site changes, schedules fire again while the first runs are open, and one of these gets pages."""
        self.generation = 2
        for event in self.world.ticks(2):
            self.cloud.submit("dispatcher", event)
        run = await self._first_run()
        for delay in (0.0, 0.5):
            self.cloud.submit("dispatcher", Enqueue(run_id=run, urls=self.world.extra()).event(), delay=delay)

    async def _first_run(self) -> int:
        """Return the site's first run; Postgres may be on its way back from a crash."""
        async with asyncio.timeout(30):
            while True:
                with suppress(*GONE):
                    connection = await asyncpg.connect(self.dsn)
                    try:
                        return int(await connection.fetchval("SELECT min(id) FROM trapline.run WHERE crawl = 'site'"))
                    finally:
                        await connection.close()
                await asyncio.sleep(0.1)


async def weather_one(server: Server, order: Order, progress: Callable[[Storm], None]) -> Verdict:
    """Run one seed on ``server`` and judge it."""
    verdict, began = Verdict(seed=order.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        async with fresh(server) as database:
            storm = Storm(order, server, database, Path(folder))
            await _furnish(server.dsn(database), order.seed, storm.world)
            await _break(server.dsn(database), order.broken)
            async with storm.running():
                verdict.ended = await storm.crawl(progress)
                verdict.seconds = time.monotonic() - began
            verdict.must(verdict.ended, f"not done after {verdict.seconds:.0f} s: {_left(storm)}", at_the_end=True)
            verdict.worst, verdict.samples = dict(storm.sampler.worst), storm.sampler.samples
            seen = storm.sampler.processes
            verdict.processes, verdict.visits, verdict.stopped = dict(seen.worst), dict(seen.most_visits), seen.stopped
            for sentence, times in seen.broken.items():
                verdict.must(not times, f"{sentence}, in {times} samples")
            connection = await asyncpg.connect(storm.dsn)
            try:
                await judge(
                    verdict,
                    connection,
                    world=storm.world,
                    folder=storm.folder,
                    faults=storm.faults,
                    topic=storm.topic,
                )
                await judge_retention(verdict, connection)
                await judge_ends(verdict, connection, storm.machine)
            finally:
                await connection.close()
            judge_locks(verdict, server.deadlocks(database))
    return verdict


async def _furnish(dsn: str, seed: int, world: World) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await attic.furnish(connection, seed)
        await hush(connection, world)
    finally:
        await connection.close()


def _left(storm: Storm) -> str:
    open_faults = ", ".join(f"{fault.kind} at {fault.where}" for fault in storm.faults.open)
    waits = "" if storm.is_idle else "; executions run"
    return f"{storm.sampler.progress}; faults not over: {open_faults or 'none'}{waits}"


async def _break(dsn: str, broken: str | None) -> None:
    if broken is not None:
        await BREAKS[broken].apply_to(dsn)
