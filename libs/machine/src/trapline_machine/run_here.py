"""One run that a command has opened, worked to its end on this machine (``trapline visit``)."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from rich.console import Console

from trapline.access.one_machine import Ledger
from trapline_common.config.models import Config
from trapline_common.domain.ids import RunId
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.ledger.run_holds import try_hold
from trapline_machine.data_directory import prepare, refusals
from trapline_machine.event_loop import EventLoop
from trapline_machine.goals import RunsEnd
from trapline_machine.inbox import listen
from trapline_machine.last_alerts import send_last_alerts
from trapline_machine.logs import own_log
from trapline_machine.machine import Machine, always, build
from trapline_machine.progress import PlainLines
from trapline_machine.settings import RuntimeSettings
from trapline_machine.signals import Interrupts, caught_interrupts
from trapline_machine.summary import exit_code, show, summarise


async def run_here(
    ledger: Ledger, run_id: RunId, request: UUID, *, environ: Mapping[str, str], data_dir: Path, quiet: bool
) -> int:
    """Work until the run has ended, tell what it caused, show it, and return the exit code, as ``trapline crawl`` does.

    ``request``: the run's; no other command finishes it meanwhile. ``quiet``: all goes to standard error. A process
    that works on the same ledger may do the work; this one then waits for it. Raises ``InputRefusedError`` and
    ``LedgerUnavailableError``.
    """
    settings = RuntimeSettings.read(environ, data_dir=data_dir, max_invocations=1)
    stream = sys.stderr if quiet else sys.stdout
    prepare(settings.data_dir)
    with refusals(settings.data_dir), own_log(settings.logs), caught_interrupts() as interrupts:
        await try_hold(ledger.database, request)
        display = PlainLines(stream=stream, clock=time.monotonic)
        machine = await build(
            settings,
            dsn=ledger.dsn,
            config=always(Config(lanes={}, crawls={})),  # its runs have theirs, frozen
            fetch=HttpFetch(gate=gate_from_env(environ)),
            environ=environ,
            alerts=display.alerts(),
        )
        await listen(ledger.database, machine.inbox)
        finished = await _work(machine, ledger, run_id, display, interrupts)
    summaries = await summarise(ledger.database, [run_id])
    show(Console(file=stream, highlight=False, markup=False), summaries, artifacts=settings.artifacts)
    return exit_code(summaries) if finished else interrupts.exit_code


async def _work(machine: Machine, ledger: Ledger, run_id: RunId, display: PlainLines, interrupts: Interrupts) -> bool:
    """Work on the run, and send what it caused; ``False`` when an interrupt came first."""
    loop = EventLoop(
        machine=machine,
        database=ledger.database,
        display=display,
        goal=RunsEnd(runs=[run_id]),
        ledger_answers=machine.ledger_answers,
    )
    finished = await loop.work(interrupts)
    await send_last_alerts(machine, ledger.database, display)
    return finished
