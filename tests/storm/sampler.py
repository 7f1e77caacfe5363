"""Looks at the ledger from outside, many times a second, on a connection of its own that no fault can reach."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import asyncpg

from tests.storm.faults import Fault, FaultLog
from tests.storm.processes import Processes

EVERY = 0.02
GONE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement raises while Postgres is stopped, or comes back."""
GIVEN_AWAY = """
SELECT split_part(place, ' ', 2) AS pid, status::text,
    status = 'failed' AND ended_at > now() - make_interval(secs => $1)
        AND heartbeat_at <= ended_at - make_interval(secs => $2) AS unaware
FROM trapline.invocation
WHERE status IN ('orphaned', 'terminated', 'succeeded', 'failed') AND place IS NOT NULL
  AND ended_at > now() - interval '20 s'
"""
"""``unaware``: a failure record ended it, after a silence of ``$2`` seconds. That may be about a second delivery with
the same request id, which died: a process that lives, but was silent, learns of it within ``$1`` seconds."""
LIMITS = "SELECT lane, cap, pages, slots FROM storm.limits ORDER BY id"
ACTIVE = """
SELECT i.id::text, i.lane, i.status::text, i.place FROM trapline.invocation i
WHERE i.status IN ('created', 'pending', 'ready', 'running')
"""
PROGRESS = """
SELECT (SELECT count(*) FROM trapline.task) AS tasks,
    (SELECT count(*) FROM trapline.task WHERE ended_at IS NOT NULL) AS ended,
    (SELECT count(*) FROM trapline.run WHERE scheduled_for IS NOT NULL) AS runs,
    (SELECT count(*) FROM trapline.run WHERE crawl = 'site' AND opened_at IS NOT NULL) AS sites,
    (SELECT count(*) FROM trapline.run WHERE crawl <> 'attic' AND status = 'ended') AS runs_ended,
    (SELECT count(*) FROM trapline.alert WHERE status = 'due') AS due,
    (SELECT count(*) FROM trapline.run WHERE status = 'ended' AND told_at IS NULL)
        + (SELECT count(*) FROM trapline.waiter WHERE answered_at IS NULL)
        + (SELECT count(*) FROM trapline.invocation
           WHERE task_token IS NOT NULL AND answered_at IS NULL AND ended_at IS NOT NULL) AS untold
"""


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far the ledger is, as last seen."""

    tasks: int = 0
    """In the ledger."""
    ended: int = 0
    """Of them: ``done`` or ``failed``."""
    runs: int = 0
    """Of them all: those that a schedule opened."""
    sites: int = 0
    """Runs of the site that were opened."""
    runs_ended: int = 0
    """Runs of all crawls that are ``ended``."""
    due: int = 0
    """Alerts that wait to be sent."""
    untold: int = 0
    """Ends that were not announced, and task tokens that were not answered."""


@dataclass(slots=True, kw_only=True)
class Sampler:
    """Looks at the ledger again and again. Each sample is one snapshot, so no sum of two moments."""

    dsn: str
    """Of the seed's database."""
    ended: Counter[str]
    """By function: how many of its deliveries have ended well."""
    faults: FaultLog
    """Those whose end the sampler looks for."""
    processes: Processes
    """What of the crawlers can run, beside what the ledger has of them."""
    progress: Progress = field(default_factory=Progress)
    """As last seen."""
    worst: Counter[str] = field(default_factory=Counter)
    """The most invocations in flight at once, by lane."""
    samples: int = 0
    """How many were taken."""
    _marks: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By fault: how many functions and tasks had ended when it was first seen."""

    async def run(self) -> None:
        """Sample until cancelled; connect anew whenever Postgres was away."""
        while True:
            try:
                connection = await asyncpg.connect(self.dsn, timeout=5)
                try:
                    while True:
                        await self._sample(connection)
                        await asyncio.sleep(EVERY)
                finally:
                    connection.terminate()
            except GONE:
                await asyncio.sleep(EVERY)

    async def _sample(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        seen, scale = self.processes.look(), self.processes.scale
        rows = await connection.fetch(ACTIVE)
        # After the look: a crawler that was seen became ready under a limit that is among them
        limits = await connection.fetch(LIMITS)
        self.processes.limit((row["lane"], row["cap"], row["pages"], row["slots"]) for row in limits)
        ended = await connection.fetch(GIVEN_AWAY, scale.lowered, scale.believed)
        given_away = {int(row["pid"]): row["status"] for row in ended if not row["unaware"]}
        unaware = {int(row["pid"]) for row in ended if row["unaware"]}
        self.processes.judge(seen, given_away, unaware=unaware)
        for lane, count in Counter(row["lane"] for row in rows).items():
            self.worst[lane] = max(self.worst[lane], count)
        if self.samples % 10 == 0:
            row = await connection.fetchrow(PROGRESS)
            self.progress = Progress(**dict(row or {}))
        self.samples += 1
        active = {row["id"]: (row["status"], row["place"]) for row in rows}
        for fault in self.faults.open:
            if self._is_over(fault, active):
                fault.over = time.monotonic()

    def _is_over(self, fault: Fault, active: dict[str, tuple[str, str | None]]) -> bool:
        """Whether nothing of the fault is left.

        The struck invocation ended, which gives its tasks back with it, or another process has it; of a fault without
        one: the same function has ended well again, or a task has, since.
        """
        if fault.invocation is not None:
            status, process_name = active.get(fault.invocation, (None, None))
            return status is None or (status in {"ready", "running"} and process_name != fault.process_name)
        now = (self.ended[fault.where.split()[0]], self.progress.ended)
        before = self._marks.setdefault(id(fault), now)
        return now[0] > before[0] or now[1] > before[1]
