"""One Lambda environment as a process of its own: the product's handler with the storm's adapters."""

import asyncio
import faulthandler
import json
import math
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import pytest

from tests.storm import attic, durable_call
from tests.storm.adapters import (
    StormAnnouncer,
    StormArtifacts,
    StormInvoker,
    StormNudger,
    StormPublisher,
    StormTick,
    StormWaiters,
    StormWaves,
    teller,
)
from tests.storm.breaks import BREAKS, OUTBOX, SILENCE
from tests.storm.journal import Journal
from tests.storm.ledger import StormDatabase, Witness
from tests.storm.pages import SimulatedRobots, SimulatedVisitor
from tests.storm.points import FailPoints, Tell
from tests.storm.presence import Presence
from tests.storm.scale import Scale
from tests.storm.topic import CHANNELS
from tests.storm.weather import Act, Doom
from tests.support.adapters import NoAlarm
from tests.support.children import die_with_parent
from trapline_common.config.models import Config
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.ports import Outbox
from trapline_common.egress.fetch import NOBODY, Sender
from trapline_common.ledger import rescue, slices, tick
from trapline_common.ledger.connection import Patience
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_common.platform.lambda_runtime import run as lambda_run
from trapline_common.platform.logging import configure
from trapline_common.platform.process_alarm import ProcessAlarm
from trapline_crawler import handler as crawler
from trapline_crawler.services import Pace
from trapline_crawler.services import Services as CrawlerServices
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.visit.kept_artifacts import BackingOffStore
from trapline_dispatcher import handler as dispatcher
from trapline_dispatcher.services import Services as DispatcherServices
from trapline_dispatcher.settings import Timeouts
from trapline_notifier import handler as notifier
from trapline_notifier.channel_drain import DrainLimits
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel
from trapline_notifier.services import Services as NotifierServices

PRESENCE = "presence"
"""The folder of the crawlers' presence files, in the seed's."""
WENT_WRONG = 1
AGAIN = 3
"""Exit statuses: an error that no fault explains; an error that the platform is asked to retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResources:
    """What the processes of one seed share."""

    dsn: str
    """Of the seed's database; it leads through the proxy."""
    socket: Path
    """Where the cloud listens for what the processes call."""
    folder: Path
    """Log, journal, artifacts and secrets of the seed."""
    key: bytes
    """The crawlers' session key."""
    scale: Scale
    """The product's times."""
    broken: str | None
    """The break under test, a name of ``BREAKS``; ``None`` for the product as it is."""
    tick_sleeps: bool = False
    """Whether the dispatchers let the tick sleep while nothing is due, and switch it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One delivery of one event."""

    role: str
    """``crawler``, ``dispatcher`` or ``notifier``."""
    event: dict[str, Any]
    """What the handler gets."""
    request_id: str
    """Lambda's id of this delivery."""
    resources: SeedResources
    """The seed's."""
    config: Config | None
    """What a dispatcher reads as ``crawls.yaml``; ``None`` where it needs none."""
    doom: Doom | None
    """What strikes this process; ``None`` when nothing does."""
    number: int
    """Counts the deliveries of a seed; the process's random choices come from it."""
    slow: bool
    """Whether each call of this process takes longer."""
    hours: int
    """How far this process's clock is off the true time."""
    mean: float
    """Seconds of a visit, on average."""
    store_away: bool = False
    """Whether the artifact store refuses everything for as long as this process lives."""
    reply: Path | None = None
    """Where the answer goes; ``None``: nobody waits for it."""

    @property
    def message(self) -> dict[str, Any]:
        """The event, taken out of its record where it comes from a queue, or out of what a durable function gets."""
        if "execution" in self.event:
            asked: dict[str, Any] = self.event["message"]
            return asked
        if self.role == "crawler" and "Records" in self.event:
            found: dict[str, Any] = json.loads(self.event["Records"][0]["body"])
            return found
        return self.event

    @property
    def invocation(self) -> str | None:
        """The invocation that the event is about, if any."""
        found = self.message.get("invocation_id")
        return None if found is None else str(found)


def run(job: Job) -> None:
    """Live one delivery to its end, and exit as a Lambda environment would."""
    # When the storm dies, no process of it stays behind for the next: it ends at once, or where the kernel does not do
    # that, with its time. The interval timer is the product's own.
    die_with_parent()
    faulthandler.dump_traceback_later(job.resources.scale.function + 20, exit=True)
    _move_clock(job.hours * 3600)
    log = os.open(job.resources.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, sys.stderr.fileno())
    configure(service=job.role, console=False)
    journal = Journal(job.resources.folder / "journal")
    rescue.UNSTARTED_WAIT = job.resources.scale.unstarted_wait
    slices.LATE = job.resources.scale.rests
    tick.LATELY, tick.FALLS_WITHIN = job.resources.scale.lately, job.resources.scale.falls
    if job.resources.broken is not None:
        BREAKS[job.resources.broken].apply_here(pytest.MonkeyPatch())
    try:
        answer = _handle(job, journal)
        if job.reply is not None:
            job.reply.write_text(json.dumps(answer))
    except TransientError:
        traceback.print_exc()
        sys.exit(AGAIN)
    except Exception as error:  # noqa: BLE001  (the storm reports an error of any class)
        traceback.print_exc()
        journal.write("error", role=job.role, error=f"{type(error).__name__}: {error}")
        sys.exit(WENT_WRONG)


def _move_clock(seconds: float) -> None:
    true = time.time
    time.time = lambda: true() + seconds


def _handle(job: Job, journal: Journal) -> dict[str, Any]:
    scale = job.resources.scale
    tell = teller(job.resources.socket, within=scale.answer)
    points = FailPoints(job.doom, tell=tell, role=job.role, invocation=job.invocation, slow=job.slow)
    presence = Presence(job.resources.folder / PRESENCE, job.message["lane"]) if job.role == "crawler" else None
    witness = Witness(
        points=points,
        journal=journal,
        presence=None if "execution" in job.event else presence,
        outbox_is_apart=job.resources.broken == OUTBOX,
    )
    seconds = scale.function if job.role == "crawler" else scale.function / 2
    context = LocalContext(aws_request_id=job.request_id, deadline=Deadline.after(seconds))
    match job.role:
        case "crawler" if presence is not None:
            services = _crawler(job, points, tell, witness, presence)
            if "execution" in job.event:
                return durable_call.call(job.event, context, services, tell)
            return lambda_run(lambda: crawler.handle(job.event, context, services)).body()
        case "dispatcher":
            asked = _dispatcher(job, points, tell, witness)
            return lambda_run(lambda: dispatcher.handle(job.event, context, asked)).body()
        case _:
            drained = _notifier(job, points, tell, witness)
            return lambda_run(lambda: notifier.handle(job.event, context, drained)).body()


async def _nothing_to_fetch(url: str, sender: Sender = NOBODY) -> NoReturn:
    raise InputRefusedError(f"{url}: no crawl of the storm has a sitemap")


async def _connect(job: Job, witness: Witness) -> StormDatabase:
    patience = Patience(
        connect=job.resources.scale.command,
        command=job.resources.scale.command,
        in_transaction=job.resources.scale.in_transaction,
        transaction=job.resources.scale.transaction,
    )
    return await StormDatabase.open(
        job.resources.dsn, application=f"trapline-{job.role}", patience=patience, witness=witness
    )


def _crawler(job: Job, points: FailPoints, tell: Tell, witness: Witness, presence: Presence) -> CrawlerServices:
    scale, deaf = job.resources.scale, job.resources.broken == SILENCE
    artifacts = BackingOffStore(StormArtifacts(job.resources.folder / "artifacts", points, away=job.store_away))
    random = Random(job.number)

    async def poison(url: str) -> None:
        witness.journal.write("poisoned", url=url)
        await points.strike(Act.KILL, "poison page")

    async def deadly() -> None:
        await points.strike(Act.KILL, "robots.txt")

    return CrawlerServices(
        connect=lambda: _connect(job, witness),
        visitor=lambda: SimulatedVisitor(random, artifacts=artifacts, poison=poison, mean=job.mean, presence=presence),
        artifacts=artifacts,
        nudger=StormNudger(tell, points),
        waiters=StormWaiters(tell, points),
        announcer=StormAnnouncer(tell, points),
        fetch=SimulatedRobots(deadly),
        secrets=LocalSecrets({}, job.resources.folder / "secrets"),
        seal=Seal(job.resources.key),
        process_name=f"process {os.getpid()}",
        pace=Pace(
            heartbeat=scale.seldom if job.number % 2 else scale.heartbeat,
            reserve=2.0,
            linger=scale.linger,
            silence=math.inf if deaf else scale.silence,
            reassurance=scale.reassurance,
        ),
        alarm=NoAlarm() if deaf else ProcessAlarm(),
    )


def _dispatcher(job: Job, points: FailPoints, tell: Tell, witness: Witness) -> DispatcherServices:
    scale = job.resources.scale

    async def config() -> Config:
        if job.config is None:
            raise LookupError("only a dispatcher reads the config")
        return job.config

    return DispatcherServices(
        connect=lambda: _connect(job, witness),
        config=config,
        invoker=StormInvoker(tell, points),
        durable=StormInvoker(tell, points, once=True),
        waves=StormWaves(tell, points),
        waiters=StormWaiters(tell, points),
        announcer=StormAnnouncer(tell, points),
        nudger=StormNudger(tell, points),
        fetch=_nothing_to_fetch,
        secrets=LocalSecrets({}, job.resources.folder / "secrets"),
        location=lambda key: key,
        retention=attic.KEEP,
        limits_by_config=True,
        tick=StormTick(tell, points) if job.resources.tick_sleeps else None,
        timeouts=Timeouts(
            ask_again_after=scale.ask_again,
            pending_ttl=scale.pending_ttl,
            heartbeat_ttl=scale.heartbeat_ttl,
            believed_after=scale.believed,
            resume_opening_after=scale.opening,
            longest_pause=1.0,
            tell_after=scale.tell,
        ),
    )


def _notifier(job: Job, points: FailPoints, tell: Tell, witness: Witness) -> NotifierServices:
    scale = job.resources.scale
    publishers = {name: StormPublisher(tell, points, name) for name in CHANNELS}

    async def channels(_known: Sequence[str]) -> Sequence[Channel]:
        return [Channel(name=name, publisher=each) for name, each in publishers.items()]

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Outbox]:
        async with await _connect(job, witness) as database:
            yield PostgresOutbox(database)

    return NotifierServices(
        outbox=outbox,
        channels=channels,
        operations=publishers[CHANNELS[0]],
        pacer=Pacer(sleep=asyncio.sleep, interval=0.05),
        clock=time.monotonic,
        limits=DrainLimits(
            claim=20, hold=scale.hold, reserve=scale.reserve, soonest=scale.back_off, latest=3 * scale.back_off
        ),
    )
