"""A stage for invocations: a real ledger, a scripted visitor, and what the crawler sends to others."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from support.adapters import MemoryNudger, NoAlarm, NoRobots
from support.crawling import KnownSecrets
from support.ledger import LANE, open_run
from support.races import PATIENCE
from support.visitor import MemoryVisitor
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.ids import RunId
from trapline_common.domain.messages import Crawl
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.platform.lambda_runtime import Clock, Deadline
from trapline_common.platform.process_alarm import Alarm, ProcessAlarm
from trapline_common.platform.suspend_clock import suspend_aware_clock
from trapline_crawler.machine_load import Load
from trapline_crawler.ports import Visitor
from trapline_crawler.services import Pace, Services
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.work.invocation import live

CRAWLER = "crawler-on-stage"
"""How Postgres names the crawler's connections."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What invocations live on, and what a test changes of it."""

    dsn: str
    """With which each invocation opens a connection of its own, as it does on Lambda."""
    database: Database
    """The test's own connection."""
    artifacts: Path
    """The folder that stands for the bucket."""
    visitor: MemoryVisitor = field(default_factory=MemoryVisitor)
    """The visitor of every invocation."""
    nudger: MemoryNudger = field(default_factory=MemoryNudger)
    """Notes the nudges to the dispatcher and the notifier."""
    seal: Seal = field(default_factory=lambda: Seal(Seal.new_key()))
    """Encrypts checkpoints and sessions."""
    secrets: dict[str, str] = field(default_factory=dict)
    """What ``${secret:NAME}`` resolves to, by name."""
    fetch: Fetch = field(default_factory=NoRobots)
    """Gets robots.txt; by default no site has one."""
    no_visitor: Exception | None = None
    """The error with which no visitor can be made; ``None`` when one can."""
    alarm: Alarm = field(default_factory=lambda: ProcessAlarm() if parent_process() else NoAlarm())
    """Ends the process that lost the ledger: a child that a test made for the crawler, and never the test's own."""
    clock: Clock = suspend_aware_clock
    """Tells invocations how long the ledger was silent."""
    load: Callable[[], Load] = Load
    """Tells invocations how busy everything is; by default there is room, whatever else this machine does."""
    pace: Pace = field(default_factory=lambda: Pace(linger=0.0))
    """The invocations' times; by default they do not wait for more tasks."""

    async def open(
        self, pages: Sequence[str], *, lane: LaneConfig | None = None, crawl: CrawlConfig | None = None
    ) -> RunId:
        """Open a run of ``pages``."""
        return await open_run(self.database, pages, lane=lane, crawl=crawl)

    async def asked(self, *, hop: int = 0) -> list[Crawl]:
        """Count the lane and return the messages of the invocations it was missing."""
        planned = await lanes.plan(self.database, LANE, hop=hop)
        return [Crawl(invocation_id=invocation_id, lane=LANE, hop=hop) for invocation_id in planned.created]

    def services(self, *, visitor: Visitor | None = None) -> Services:
        """Return what an invocation works with."""

        async def connect() -> Database:
            return await Database.connect(self.dsn, application=CRAWLER)

        def make() -> Visitor:
            if self.no_visitor is not None:
                raise self.no_visitor
            return visitor or self.visitor

        return Services(
            connect=connect,
            visitor=make,
            artifacts=DirectoryArtifacts(self.artifacts),
            nudger=self.nudger,
            fetch=self.fetch,
            secrets=KnownSecrets(values=self.secrets),
            seal=self.seal,
            process_name="stage",
            pace=self.pace,
            clock=self.clock,
            alarm=self.alarm,
            new_load=lambda: self.load,
        )

    async def live(
        self,
        message: Crawl | None = None,
        *,
        deadline: Deadline | None = None,
        stop: asyncio.Event | None = None,
        visitor: Visitor | None = None,
    ) -> dict[str, Any]:
        """Let an invocation live to its end: ``message``, or the first that the lane is missing."""
        asked = message or (await self.asked())[0]
        async with asyncio.timeout(PATIENCE):
            return await live(
                self.services(visitor=visitor),
                asked,
                request_id=f"request of {asked.invocation_id}",
                deadline=deadline or Deadline.after(120),
                stop=stop or asyncio.Event(),
            )

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Return rows by SQL of the test's own."""
        async with self.database._turn():  # a test may plan the next invocation meanwhile
            return [tuple(row) for row in await self.database.connection.fetch(sql, *args)]

    async def tasks(self) -> dict[str, int]:
        """Return how many tasks have each status."""
        return dict(await self.rows("SELECT status::text, count(*)::int FROM trapline.task GROUP BY 1"))

    async def invocations(self) -> list[str]:
        """Return the statuses of the invocations, in order."""
        return [
            row[0] for row in await self.rows("SELECT status::text FROM trapline.invocation ORDER BY created_at, slot")
        ]

    async def alerts(self) -> list[str]:
        """Return the kinds of the alerts that are sent to people."""
        return [row[0] for row in await self.rows("SELECT kind FROM trapline.alert WHERE status = 'due' ORDER BY id")]
