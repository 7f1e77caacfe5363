"""One seed: a world, its storm, and the verdict."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg

from tests.storm import attic
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
)
from tests.storm.weather import Blow, Weather
from tests.storm.whims import Whims
from tests.storm.world import LANES, LOWERED, World
from trapline_common.domain.messages import Drain, Enqueue
from trapline_common.domain.via import Via
from trapline_crawler.sessions.seal import Seal

LOW_FOR = 2.0
"""Seconds for which a lowered cap is judged at least."""
WITHIN = 20.0
"""Seconds that a change of a cap waits for crawlers that it concerns, at most."""
LOOK_EVERY = 2.0
"""Seconds between two looks at a product that was broken on purpose, whether it has shown it."""
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
        self.shown: Verdict | None = None
        self._calm_since = 0.0
        self._work = asyncio.Event()
        self._site_again = asyncio.Event()
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
            self.sampler = Sampler(dsn=self.dsn, ended=self.cloud.ended, faults=self.faults, processes=processes)
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
        """Strike at the times that the seed decided, from the moment at which there is work: a slow machine takes long.

        A cap that is lowered before binds nobody. The weather turns bad again when the site's second run is worked on,
        which waits for the first: by then a short storm would be over.
        """
        await self._work.wait()
        began = time.monotonic()
        for at, blow in self.weather.blows:
            await asyncio.sleep(began + at - time.monotonic())
            if blow is Blow.LOWER:
                await self._until(lambda: self.sampler.processes.running("wide") > LOWERED["wide"])
            elif blow is Blow.RAISE:
                # A dispatcher brings a cap to the ledger with its next tick, which comes late on a slow machine
                await self._until(self._is_judged_low)
            await self._blow(blow)
        await asyncio.sleep(began + self.weather.seconds - time.monotonic())
        self._calm_down()
        await self._site_again.wait()
        self.weather.again()
        await asyncio.sleep(self.weather.seconds / 2)
        self._calm_down()

    def _calm_down(self) -> None:
        self.weather.over, self._calm_since = True, time.monotonic()

    def _is_judged_low(self) -> bool:
        judged_after = self.order.scale.lowered
        return self.sampler.processes.low_for("wide", LOWERED["wide"]) > judged_after + LOW_FOR

    async def _until(self, so: Callable[[], bool]) -> None:
        """Wait until it is so; not for ever, for a lane may have no work left."""
        until = time.monotonic() + WITHIN
        while time.monotonic() < until:
            if so():
                return
            await asyncio.sleep(0.05)

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
        """Let the schedules fire, twice each, and wait until all is done; ``False`` when that takes too long.

        ``False`` too as soon as a product that was broken on purpose has shown it: ``shown`` is the verdict then.
        """
        for event in self.world.ticks(1):
            self.cloud.submit("dispatcher", event)
        until = time.monotonic() + self.order.scale.seed_limit
        look_at = time.monotonic() + LOOK_EVERY
        while time.monotonic() < until:
            progress(self)
            await asyncio.sleep(0.1)
            seen = self.sampler.progress
            if seen.tasks > 0:
                self._work.set()
            if seen.sites == 2:
                self._site_again.set()
            if self.generation == 1 and seen.runs == len(self.world.first) and seen.tasks > 0:
                await self._second_generation()
            quiet = not seen.due and not seen.untold and not self.faults.open and self.is_idle
            if self.weather.over and seen.runs_ended == self.world.runs and quiet:
                return True
            if self.order.broken is not None and time.monotonic() > look_at:
                self.shown = await self._look()
                if self.shown is not None:
                    return False
                look_at = time.monotonic() + LOOK_EVERY
        return False

    async def _look(self) -> Verdict | None:
        """Return the verdict of this moment if something is wrong that no end can put right."""
        verdict = Verdict(seed=self.order.seed)
        try:
            await self.judge(verdict)
        except GONE:
            return None  # Postgres is stopped, or comes back
        return verdict if verdict.certain else None

    async def judge(self, verdict: Verdict) -> None:
        """Fill in the verdict, of a storm that goes on too: all that has arrived by now is in the ledger's snapshot."""
        topic, seen = self.topic.by_now(), self.sampler.processes
        verdict.calm_for = time.monotonic() - self._calm_since if self.weather.over else 0.0
        verdict.worst, verdict.samples = dict(self.sampler.worst), self.sampler.samples
        verdict.processes, verdict.visits, verdict.stopped = dict(seen.worst), dict(seen.most_visits), seen.stopped
        for sentence, times in seen.broken.items():
            verdict.must(not times, f"{sentence}, in {times} samples")
        connection = await asyncpg.connect(self.dsn)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await judge(verdict, connection, world=self.world, folder=self.folder, faults=self.faults, topic=topic)
                await judge_retention(verdict, connection)
                await judge_ends(verdict, connection, self.machine)
        finally:
            connection.terminate()
        judge_locks(verdict, self._server.deadlocks(self._database))

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
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        async with fresh(server) as database:
            storm = Storm(order, server, database, Path(folder))
            await _furnish(server.dsn(database), order.seed, storm.world)
            await _break(server.dsn(database), order.broken)
            async with storm.running():
                ended = await storm.crawl(progress)
                seconds = time.monotonic() - began
            if storm.shown is not None:
                return replace(storm.shown, seconds=seconds)
            verdict = Verdict(seed=order.seed, ended=ended, seconds=seconds)
            verdict.must(ended, f"not done after {seconds:.0f} s: {_left(storm)}", at_the_end=True)
            await storm.judge(verdict)
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
