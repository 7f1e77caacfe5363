"""``trapline serve``: everything between the command line and the exit code."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError
from trapline_common.domain.web_view import WEB_URL
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.ledger import serving
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.views.serving import read_serving
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.text import counted
from trapline_machine.data_directory import prepare, refusals
from trapline_machine.embedded_ledger import open_ledger
from trapline_machine.event_loop import EventLoop
from trapline_machine.goals import Endless
from trapline_machine.inbox import listen
from trapline_machine.last_alerts import send_last_alerts
from trapline_machine.logs import own_log
from trapline_machine.machine import build
from trapline_machine.process_identity import process_name_of
from trapline_machine.progress import PlainLines
from trapline_machine.rescue import end_gone
from trapline_machine.serve.clock import Clock
from trapline_machine.serve.listen_address import ListenAddress
from trapline_machine.serve.schedule_keeper import ScheduleKeeper
from trapline_machine.serve.served_file import ServedFile
from trapline_machine.serve.turns import Turns
from trapline_machine.settings import RuntimeSettings
from trapline_machine.signals import Interrupts, caught_interrupts

if TYPE_CHECKING:
    from trapline_machine.serve.web_host import WebHost

RETENTION_DAYS = 90
"""How long ended runs are kept where ``TRAPLINE_RETENTION_DAYS`` says nothing."""
HOLD_WITHIN = 5.0
"""Seconds for the server to notice that the process which served before is gone."""
ANNOUNCED = 20
"""Schedules that are named at the start; the rest are counted."""
AGAIN_AFTER = 5.0
"""Seconds after which a ledger that went away is looked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """The command line of `trapline serve`, read."""

    file: Path
    """The ``crawls.yaml``."""
    settings: RuntimeSettings
    """What the command line and the environment say of this machine."""
    clock: Clock = field(default_factory=Clock)
    """By which the schedules fire."""
    view: ListenAddress | None = None
    """Where the web view listens; ``None``: there is none."""
    read_only: bool = False
    """Whether the view is for looking only."""


async def serve_file(request: ServeRequest, environ: Mapping[str, str]) -> int:
    """Serve until a signal comes and return the exit code: 0 after an end in order.

    Raises ``InputRefusedError`` for a file that can't be used, or while another process serves this ledger, and
    ``LedgerUnavailableError`` when it can't be reached at the start. Later it is waited for.
    """
    settings = served_settings(request.settings)
    request = replace(request, settings=settings)
    file = ServedFile(
        path=request.file, data_dir=settings.data_dir, secrets=LocalSecrets(environ, settings.data_dir / "secrets")
    )
    await file.read()
    prepare(settings.data_dir)
    display = PlainLines(stream=sys.stdout, clock=time.monotonic)
    view = _view(request, file, environ, display)
    with refusals(settings.data_dir), own_log(settings.logs), caught_interrupts() as interrupts:
        try:
            await _while_wanted(request, file, environ, display, view, interrupts)
        finally:
            if view is not None:
                await view.close()
    return interrupts.exit_code if interrupts.second.is_set() else 0


async def _while_wanted(
    request: ServeRequest,
    file: ServedFile,
    environ: Mapping[str, str],
    display: PlainLines,
    view: "WebHost | None",
    interrupts: Interrupts,
) -> None:
    """Serve until a signal comes; look for a ledger that went away."""
    settings, served = request.settings, False
    while not interrupts.first.is_set():
        try:
            async with open_ledger(settings.data_dir, settings.database_url) as (dsn, database):
                await _hold(database)
                if view is not None:
                    environ = {**environ, WEB_URL: view.open()}
                served = True
                await _serve(request, file, environ, dsn, database, display, view, interrupts)
        except LedgerUnavailableError as error:
            if not served:
                raise
            display.line(f"the ledger went away: {error.__cause__ or error}; trying again in {AGAIN_AFTER:.0f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(interrupts.first.wait(), AGAIN_AFTER)


def _view(request: ServeRequest, file: ServedFile, environ: Mapping[str, str], display: PlainLines) -> "WebHost | None":
    if request.view is None:
        return None
    from trapline_machine.serve.web_host import WebHost  # late: without the view nothing of it is loaded

    return WebHost(
        address=request.view,
        read_only=request.read_only,
        data_dir=request.settings.data_dir,
        database_url=request.settings.database_url,
        environ=environ,
        file=file,
        say=display.line,
    )


def served_settings(settings: RuntimeSettings) -> RuntimeSettings:
    """Return the settings of a process that nobody waits for, and that runs until its disk would be full."""
    default = Retention(days=RETENTION_DAYS, archived_only=settings.runs is not None)
    return replace(settings, attended=False, retention=settings.retention or default)


async def _hold(database: Database) -> None:
    """Become the one process that serves this ledger. Raises ``InputRefusedError`` while another one is."""
    until = time.monotonic() + HOLD_WITHIN
    while not await serving.try_hold(database):
        if time.monotonic() > until:
            other = await read_serving(database)
            where = "" if other is None else f" ({other.where}, since {other.started_at:%Y-%m-%d %H:%M} UTC)"
            raise InputRefusedError(f"another `trapline serve` works on this ledger{where}; stop it first")
        await asyncio.sleep(0.2)


async def _serve(
    request: ServeRequest,
    file: ServedFile,
    environ: Mapping[str, str],
    dsn: str,
    database: Database,
    display: PlainLines,
    view: "WebHost | None",
    interrupts: Interrupts,
) -> None:
    settings, source = request.settings, str(request.file.resolve())
    assert settings.retention is not None, "served_settings sets it"
    await serving.begin(database, file=source, place=process_name_of(os.getpid()))
    await serving.note_refused(database, file.refused)
    machine = await build(
        settings,
        dsn=dsn,
        config=file.current,
        fetch=HttpFetch(gate=gate_from_env(environ)),
        environ=environ,
        alerts=display.alerts(),
        source=source,
    )
    if view is not None:
        view.connect(dsn, machine.dispatch)
    keeper = ScheduleKeeper(
        database=database,
        dispatch=machine.dispatch,
        clock=request.clock,
        keeps=timedelta(days=settings.retention.days),
        say=display.line,
    )
    turns = Turns(
        settings=settings, file=file, source=source, database=database, machine=machine, keeper=keeper, display=display
    )
    work = EventLoop(
        machine=machine,
        database=database,
        display=display,
        goal=Endless(),
        ledger_answers=machine.ledger_answers,
    )
    work.beside = turns.loops(work)
    await listen(database, machine.inbox)
    await end_gone(database, machine.registry, location=machine.dispatcher.location)
    await turns.take_config()
    _announce(request, file, keeper, display)
    try:
        await work.work(interrupts)
    finally:
        await keeper.close()
    if not interrupts.second.is_set():
        await send_last_alerts(machine, database, display)
    await serving.stopped(database)
    display.line("stopped; what is left waits in the ledger")


def _announce(request: ServeRequest, file: ServedFile, keeper: ScheduleKeeper, display: PlainLines) -> None:
    """Say what is served: each schedule with its next tick, and how long runs are kept."""
    now, retention = request.clock.now(), request.settings.retention
    assert retention is not None, "served_settings sets it"
    days = counted(retention.days, "day")
    crawls = counted(len(file.config.crawls), "crawl")
    display.line(f"serving {request.file}: {crawls}; runs are kept for {days} (TRAPLINE_RETENTION_DAYS)")
    coming = keeper.coming()
    for crawl, tick in coming[:ANNOUNCED]:
        when = "never again" if tick is None else "now" if tick <= now else f"next {tick.astimezone():%Y-%m-%d %H:%M}"
        display.line(f"{crawl.name}: {crawl.schedule} ({crawl.timezone}), {when}")
    if len(coming) > ANNOUNCED:
        display.line(f"and {counted(len(coming) - ANNOUNCED, 'further schedule')}")
