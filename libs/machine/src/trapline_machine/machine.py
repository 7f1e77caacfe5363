"""The services of one machine: the same handlers and the same messages as on AWS; only the adapters differ."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO
from uuid import uuid4

from trapline_common.config.models import Config
from trapline_common.domain.answers import DispatcherAnswer, Drained, Refused
from trapline_common.domain.capacity import PAGES_IN_FLIGHT
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.messages import Count, Drain
from trapline_common.domain.web_view import WebView
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger.connection import Database
from trapline_common.local.archive import DirectoryArchive
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_dispatcher import handler as dispatcher
from trapline_dispatcher.services import DEPLOYMENT
from trapline_dispatcher.services import Services as DispatcherServices
from trapline_machine.failure_record import condition_of, failure_event, last_error
from trapline_machine.inbox import Inbox
from trapline_machine.lane_plan import planned
from trapline_machine.process_registry import Registry
from trapline_machine.process_start import EarlyCrawler
from trapline_machine.processes import EndedProcess, ProcessInvoker
from trapline_machine.settings import RuntimeSettings
from trapline_notifier import handler as notifier
from trapline_notifier.services import Services as NotifierServices
from trapline_notifier.wiring import local_services

STOPPED = "Stopped"
"""The reason of an invocation that ended with its command; a status does not count it (``views/status.sql``)."""
HANDLER_SECONDS = 900.0
"""Seconds that the dispatcher and the notifier get for one event: Lambda's own maximum."""


@dataclass(slots=True, kw_only=True)
class Machine:
    """Runs the dispatcher's and the notifier's handlers here, and the crawler's in processes."""

    settings: RuntimeSettings
    """What the command line and the environment say."""
    inbox: Inbox
    """Messages that wait for the dispatcher and the notifier."""
    processes: ProcessInvoker
    """The crawler's processes."""
    registry: Registry
    """Which process each invocation was given to, in files."""
    dispatcher: DispatcherServices
    """The dispatcher's parts."""
    notifier: NotifierServices
    """The notifier's parts."""
    new_notifier: Callable[[], Awaitable[NotifierServices]]
    """Makes these from the channels file as it is now."""
    ended: list[EndedProcess] = field(default_factory=list)
    """Processes that have ended and were not reported yet."""

    async def dispatch(self, event: Mapping[str, Any]) -> DispatcherAnswer:
        """Hand one event to the dispatcher. Raises ``TransientError``."""
        return await dispatcher.handle(event, self._context(), self.dispatcher)

    async def drain(self) -> Drained | Refused:
        """Send what the outbox holds. Raises ``TransientError`` when some of it could not be sent for now."""
        return await notifier.handle(Drain().event(), self._context(), self.notifier)

    async def read_channels(self) -> None:
        """Send to the channels that the file has now. Raises ``InputRefusedError``; then the old ones stay."""
        self.notifier = await self.new_notifier()

    async def ledger_answers(self) -> bool:
        """Say whether the ledger can be reached: a connection may be lost while it can."""
        try:
            async with await self.dispatcher.connect():
                return True
        except LedgerUnavailableError:
            return False

    async def report_ended(self) -> list[str]:
        """Report the processes that died since the last call; return a line about each for a person.

        A process that ended in order has recorded that in the ledger itself; then its lane is only counted again.
        """
        found, self.ended[:] = list(self.ended), []
        lines = []
        for process in found:
            if process.status != 0:
                lines.append(await self._report(process))
            self.registry.forget(process.message.invocation_id)
            self.inbox.put("dispatcher", Count(lane=process.message.lane).event())
        return lines

    async def _report(self, process: EndedProcess) -> str:
        condition, error = STOPPED, process.why
        if process.status is not None and self.processes.stopping:
            error = "a person stopped the command"
        elif process.status is not None:
            condition = condition_of(process.status)
            logged = await asyncio.to_thread(last_error, process.log)
            error = logged or ""
        event = failure_event(process.message.event(), request_id=process.request_id, condition=condition, error=error)
        await self.dispatch(event)
        return f"{condition}: {error}" if error else condition

    def _context(self) -> LocalContext:
        return LocalContext(aws_request_id=str(uuid4()), deadline=Deadline.after(HANDLER_SECONDS))


def always(config: Config) -> Callable[[], Awaitable[Config]]:
    """Return what reads a config that stays as it is."""

    async def read() -> Config:
        return config

    return read


async def build(
    settings: RuntimeSettings,
    *,
    dsn: str,
    config: Callable[[], Awaitable[Config]],
    fetch: Fetch,
    environ: Mapping[str, str],
    alerts: TextIO,
    source: str | None = None,
    early: EarlyCrawler | None = None,
) -> Machine:
    """Put the services together. Raises ``InputRefusedError`` (channels file).

    ``config`` reads the ``crawls.yaml``; ``source`` is the ledger's name for it, where it is everyone's and not this
    command's alone. ``alerts`` is where they are shown. ``early``: the process for the first invocation.
    """
    inbox, ended = Inbox(), list[EndedProcess]()
    secrets = LocalSecrets(environ, settings.data_dir / "secrets")
    registry = Registry(folder=settings.processes)
    processes = ProcessInvoker(
        most=settings.most,
        strict=settings.strict,
        seconds=settings.invocation_seconds,
        logs=settings.logs,
        registry=registry,
        environ=crawler_environment(environ, settings, dsn),
        on_end=lambda process: _note(ended, process, inbox),
        early=early or EarlyCrawler(),
    )

    async def connect() -> Database:
        return await Database.connect(dsn, application="trapline-dispatcher")

    async def read_config() -> Config:
        return planned(await config(), settings)

    async def new_notifier() -> NotifierServices:
        web = WebView.read(environ)
        return await local_services(dsn, data_dir=settings.data_dir, secrets=secrets, stream=alerts, web=web)

    return Machine(
        settings=settings,
        inbox=inbox,
        processes=processes,
        registry=registry,
        ended=ended,
        dispatcher=DispatcherServices(
            connect=connect,
            config=read_config,
            invoker=processes,
            nudger=inbox,
            fetch=fetch,
            secrets=secrets,
            location=DirectoryArtifacts(settings.artifacts).location,
            at_most=settings.most,
            pages=None if settings.strict else settings.cores * PAGES_IN_FLIGHT,
            limits_by_config=source is not None,
            source=source or DEPLOYMENT,
            timeouts=settings.timeouts,
            archive=None if settings.runs is None else DirectoryArchive(settings.runs),
        ),
        notifier=await new_notifier(),
        new_notifier=new_notifier,
    )


def crawler_environment(environ: Mapping[str, str], settings: RuntimeSettings, dsn: str) -> dict[str, str]:
    """Return the environment of the crawler's processes: ours, and where its ports are on this machine."""
    return {
        **environ,
        "DATABASE_URL": dsn,
        "TRAPLINE_ARTIFACTS": str(settings.artifacts),
        "TRAPLINE_DATA_DIR": str(settings.data_dir),
        "TRAPLINE_NUDGES": "postgres",
    }


def _note(ended: list[EndedProcess], process: EndedProcess, inbox: Inbox) -> None:
    ended.append(process)
    inbox.put("dispatcher", Count(lane=process.message.lane).event())
