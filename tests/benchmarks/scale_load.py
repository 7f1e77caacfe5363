"""The dispatcher's side of ``scale.py``: it counts the lane, asks for what is missing, rescues, and keeps the time."""

import asyncio
import json
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from tests.benchmarks.ledger_ours import LANE
from tests.benchmarks.scale_figures import MINUTE, Cpu, Sample
from tools.shell import ToolError, say
from trapline_common.ledger import invocations, lanes, rescue
from trapline_common.ledger.connection import Database

COUNT_EVERY = 0.5
"""Seconds between two counts of the lane; each takes its exclusive lock."""
STATE = """
    SELECT
        (SELECT n_dead_tup FROM pg_stat_user_tables
         WHERE schemaname = 'trapline' AND relname = 'task')::int AS dead_tasks,
        (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
         WHERE relnamespace = 'trapline'::regnamespace AND relkind = 'r')::bigint AS size,
        (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS wal
"""


@dataclass(slots=True, kw_only=True)
class Load:
    """One run of the load: who works, and what was measured."""

    database: Database
    crawlers: list[Process]
    postmaster: psutil.Process
    asked: int = 0
    orphaned: int = 0
    most_in_flight: int = 0
    counts: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    async def dispatch(self) -> bool:
        """Count the lane and ask for what is missing, as the dispatcher does; ``False`` when nothing is left to do."""
        started = time.monotonic()
        plan = await lanes.plan(self.database, LANE)
        self.counts.append((time.monotonic() - started) * 1000)
        for invocation in plan.created:
            if await invocations.claim_asking(self.database, invocation) is not None:
                await invocations.mark_pending(self.database, invocation)
                to = self.crawlers[self.asked % len(self.crawlers)].stdin
                assert to is not None
                to.write(f"{invocation}\n".encode())
                self.asked += 1
        in_flight = plan.load.idle + plan.load.running + len(plan.created)
        self.most_in_flight = max(self.most_in_flight, in_flight)
        return in_flight > 0

    async def reap(self) -> None:
        self.orphaned += len((await rescue.reap_lane(self.database, LANE, location=str)).orphaned)

    async def sample(self) -> None:
        row = await self.database.connection.fetchrow(STATE)
        assert row is not None
        self.samples.append(Sample(second=int(time.monotonic()), cpu=self._cpu(), **dict(row)))

    def _cpu(self) -> Cpu:
        clients = sum(_used(psutil.Process(one.pid)) for one in self.crawlers) + _used(psutil.Process())
        backends = sum(_used(one) for one in self.postmaster.children(recursive=True))
        busy = psutil.cpu_times()
        return Cpu(
            clients=clients,
            postgres=_used(self.postmaster) + backends,
            machine=sum(busy) - busy.idle - getattr(busy, "iowait", 0.0),
        )

    async def work(self, seconds: float) -> None:
        """Keep the load on for ``seconds``, or until nothing is left."""
        began = time.monotonic()
        await self.sample()
        while time.monotonic() - began < seconds and await self.dispatch():
            if time.monotonic() - began >= MINUTE * len(self.samples):
                await self.sample()
                await self.reap()
                say(f"  minute {len(self.samples) - 1}: {self.samples[-1].size / 2**20:.0f} MiB")
            await asyncio.sleep(COUNT_EVERY)
        await self.sample()

    async def stop(self) -> list[Mapping[str, object]]:
        """Let the invocations hand back and end; return what each process measured."""
        return [json.loads(out) for out in await asyncio.gather(*(_ended(one) for one in self.crawlers))]


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


async def _ended(process: Process) -> str:
    out, _ = await asyncio.wait_for(process.communicate(b"stop\n"), 300)
    if process.returncode != 0:
        raise ToolError(f"a process of crawlers ended with {process.returncode}")
    return out.decode()
