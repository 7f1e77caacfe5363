"""A stage for the dispatcher: a real ledger, real HTTP for sitemaps, and what it asks of Lambda."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from support.adapters import MemoryAnnouncer, MemoryInvoker, MemoryNudger, MemoryTick, MemoryWaiters, MemoryWaves
from support.gates import loopback_gate
from support.ledger import location
from support.races import PATIENCE
from trapline_common.config.load import parse_config
from trapline_common.config.models import Config
from trapline_common.domain.answers import DispatcherAnswer
from trapline_common.domain.messages import Count, Message, OpenRun, Reap, Tick
from trapline_common.domain.ports import Archive
from trapline_common.domain.stored_artifacts import Keeping
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_dispatcher.handler import handle
from trapline_dispatcher.services import Services
from trapline_dispatcher.settings import Timeouts

CONFIG = """
lanes:
  default: {max_invocations: 3, tasks_per_invocation: 2}
crawls:
  docs:
    urls: [https://docs.example/1, https://docs.example/2, https://docs.example/3]
  other:
    urls: [https://other.example/1]
  asleep:
    enabled: false
    urls: [https://asleep.example/1]
  patient:
    overlap: queue
    urls: [https://patient.example/1]
"""
AT = "2026-03-01T08:00:00Z"
EAGER = Timeouts(ask_again_after=0.0, resume_opening_after=0.0, tell_after=0.0)
"""Nothing has to get old before the dispatcher steps in."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the dispatcher works on, and what a test changes of it."""

    dsn: str
    """With which each event opens a connection of its own, as on Lambda."""
    database: Database
    """The test's own connection."""
    config: Config = field(default_factory=lambda: parse_config(CONFIG, "crawls.yaml"))
    """The ``crawls.yaml`` that the dispatcher reads."""
    config_error: Exception | None = None
    """Raised instead of reading it."""
    invoker: MemoryInvoker = field(default_factory=MemoryInvoker)
    """Notes which invocations Lambda is asked for."""
    nudger: MemoryNudger = field(default_factory=MemoryNudger)
    """Notes the nudges to the notifier."""
    waves: MemoryWaves | None = None
    """Notes the executions that were started; ``None``: there is no machine."""
    durable: MemoryInvoker | None = None
    """Notes which invocations the durable function is asked for; ``None``: there is none."""
    waiters: MemoryWaiters | None = None
    """Notes who was answered; ``None``: nobody waits."""
    announcer: MemoryAnnouncer | None = None
    """Notes which ends were announced; ``None``: nobody can subscribe."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """How long the dispatcher waits before it steps in."""
    unexpanded_ticks: bool = False
    """Whether a tick may come with the placeholder of its time, as on the local AWS."""
    fetch_timeout: float = 5.0
    """Seconds for one sitemap."""
    limits_by_config: bool = False
    """Whether the reap tick brings lanes' limits up to date with the config, as on AWS."""
    tells_nothing_due: bool = False
    """Whether the reap tick logs that no run was due, as on AWS."""
    schedule: MemoryTick | None = None
    """The schedule of the minute's tick; ``None``: the tick never sleeps."""
    now: datetime | None = None
    """What the dispatcher's own clock says; ``None``: the machine's time."""
    at_most: int | None = None
    """The account's cap on invocations; ``None``: there is none."""
    pages: int | None = None
    """Pages that the machine loads at once; ``None``: as many as its crawlers do."""
    archive: Archive | None = None
    """Where runs go before they leave the ledger; ``None``: nowhere."""
    retention: Retention | None = None
    """When they leave it; ``None``: never."""
    keeping: Keeping | None = None
    """The bucket of artifacts that is kept in order; ``None``: none is."""

    def configure(self, text: str) -> None:
        """Put another ``crawls.yaml`` in place."""
        self.config = parse_config(text, "crawls.yaml")

    def services(self) -> Services:
        """Return what the dispatcher works with."""

        async def connect() -> Database:
            return await Database.connect(self.dsn)

        async def config() -> Config:
            if self.config_error is not None:
                raise self.config_error
            return self.config

        return Services(
            connect=connect,
            config=config,
            invoker=self.invoker,
            waves=self.waves,
            durable=self.durable,
            waiters=self.waiters,
            announcer=self.announcer,
            nudger=self.nudger,
            fetch=HttpFetch(gate=loopback_gate(), timeout=self.fetch_timeout),
            secrets=LocalSecrets({}, Path("no-secrets")),
            location=location,
            at_most=self.at_most,
            pages=self.pages,
            retention=self.retention,
            timeouts=self.timeouts,
            limits_by_config=self.limits_by_config,
            tells_nothing_due=self.tells_nothing_due,
            tick=self.schedule,
            clock=lambda: self.now or datetime.now(UTC),
            unexpanded_ticks=self.unexpanded_ticks,
            archive=self.archive,
            keeping=self.keeping,
        )

    async def handle(self, event: Any) -> DispatcherAnswer:
        """Hand one event, or message, to the dispatcher's handler; return its answer as it is read from the wire."""
        context = LocalContext(aws_request_id=str(uuid4()), deadline=Deadline.after(60))
        async with asyncio.timeout(PATIENCE):
            answer = await handle(event.event() if isinstance(event, Message) else event, context, self.services())
        return type(answer).model_validate(json.loads(json.dumps(answer.body())))

    async def tick(self, crawl: str = "docs", at: str = AT) -> DispatcherAnswer:
        """Let a schedule fire."""
        return await self.handle(Tick.model_validate({"crawl": crawl, "scheduled_for": at}))

    async def open(self, crawl: str = "docs", *, request: UUID | None = None) -> DispatcherAnswer:
        """Open a run by hand."""
        return await self.handle(OpenRun(crawl=crawl, request=request or uuid4()))

    async def reap(self) -> DispatcherAnswer:
        """Let the minute's tick come."""
        return await self.handle(Reap())

    async def count(self, **more: Any) -> DispatcherAnswer:
        """Let a crawler's nudge come."""
        return await self.handle(Count(**more))

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Return rows by SQL of the test's own."""
        async with self.database._turn():
            return [tuple(row) for row in await self.database.connection.fetch(sql, *args)]

    async def runs(self) -> list[tuple[str, str, str | None]]:
        """Return crawl, status and outcome of every run."""
        return await self.rows("SELECT crawl, status::text, outcome::text FROM trapline.run ORDER BY id")

    async def invocations(self) -> list[str]:
        """Return the invocations' statuses."""
        return [
            row[0] for row in await self.rows("SELECT status::text FROM trapline.invocation ORDER BY created_at, slot")
        ]

    async def end_runs(self) -> None:
        """Let every task end, as crawlers would; the runs stay ``open`` until a service looks."""
        await self.rows(
            "UPDATE trapline.task SET status = 'leased', lease_seq = 1, leased_at = now(), "
            "invocation_id = gen_random_uuid() WHERE status = 'created'"
        )
        await self.rows("UPDATE trapline.task SET status = 'done', ended_at = now() WHERE status = 'leased'")
