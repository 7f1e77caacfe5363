"""``trapline crawl``: everything between the command line and the exit code."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from trapline_common.config.load import load_config
from trapline_common.config.models import Config, CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.local.channels import FILE_NAME, read_channels
from trapline_common.local.secrets import LocalSecrets
from trapline_common.platform.text import counted
from trapline_dispatcher.maintenance.archive_runs import archive_runs
from trapline_machine.channel_check import check_channels
from trapline_machine.data_directory import prepare, refusals
from trapline_machine.embedded_ledger import open_ledger
from trapline_machine.event_loop import EventLoop
from trapline_machine.goals import RunsEnd
from trapline_machine.inbox import listen
from trapline_machine.last_alerts import send_last_alerts
from trapline_machine.logs import own_log
from trapline_machine.machine import Machine, always, build
from trapline_machine.progress import PlainLines, ProgressBars, ProgressDisplay
from trapline_machine.retirement import retire_here
from trapline_machine.settings import RuntimeSettings
from trapline_machine.signals import Interrupts, caught_interrupts
from trapline_machine.sitemap_check import FetchOnce, check_sitemaps
from trapline_machine.summary import exit_code, show, summarise
from trapline_machine.take_over import open_runs, take_over


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRequest:
    """The command line of `trapline crawl`, read."""

    file: Path
    """The ``crawls.yaml``."""
    only: tuple[str, ...]
    """The crawls that were named; empty: every enabled one."""
    as_json: bool
    """Whether standard output is for one JSON object alone."""
    settings: RuntimeSettings
    """What the command line and the environment say of this machine."""


async def crawl_file(request: CrawlRequest, environ: Mapping[str, str]) -> int:
    """Crawl and return the exit code (DESIGN 9).

    Raises ``InputRefusedError`` before anything is written, ``LedgerUnavailableError`` and other ``TraplineError``.
    """
    config = load_config(request.file)
    crawls = chosen(config, request)
    fetch = FetchOnce(HttpFetch(gate=gate_from_env(environ)))
    settings = request.settings
    secrets = LocalSecrets(environ, settings.data_dir / "secrets")
    channels = await read_channels(settings.data_dir / FILE_NAME, secrets)
    await check_channels(crawls, channels, request.file, settings.data_dir)
    broken = await check_sitemaps(crawls, fetch, secrets, request.file)
    prepare(settings.data_dir)
    with refusals(settings.data_dir), own_log(settings.logs):
        async with open_ledger(settings.data_dir, settings.database_url) as (dsn, database):
            await known_crawls.take(database, config.crawls.values(), source=str(request.file.resolve()))
            display = _display(sys.stderr if request.as_json else sys.stdout)
            for problem in broken.values():
                display.line(problem)
            with caught_interrupts() as interrupts:
                try:
                    machine = await build(
                        settings, dsn=dsn, config=always(config), fetch=fetch, environ=environ, alerts=display.alerts()
                    )
                    runs = await _runs(machine, database, display, crawls)
                    work = EventLoop(
                        machine=machine,
                        database=database,
                        display=display,
                        goal=RunsEnd(runs=runs),
                        ledger_answers=machine.ledger_answers,
                    )
                    finished = await work.work(interrupts)
                    await send_last_alerts(machine, database, display)
                    await _archive(machine, database, display)
                    await retire_here(settings, database, display)
                finally:
                    display.close()
                return await _close(request, database, runs, interrupts if not finished else None)


def chosen(config: Config, request: CrawlRequest) -> list[CrawlConfig]:
    """Return the crawls to open: those named, enabled or not, else every enabled one. Raises ``InputRefusedError``."""
    for name in request.only:
        if name not in config.crawls:
            known = ", ".join(sorted(config.crawls))
            raise InputRefusedError(f"{request.file}: --only {name}: no such crawl; it has {known}")
    if request.only:
        return [config.crawls[name] for name in dict.fromkeys(request.only)]
    enabled = [crawl for crawl in config.crawls.values() if crawl.enabled]
    if not enabled:
        raise InputRefusedError(f"{request.file}: crawls: none is enabled; name one with --only")
    return enabled


async def _runs(
    machine: Machine, database: Database, display: ProgressDisplay, crawls: Sequence[CrawlConfig]
) -> list[RunId]:
    """Open the runs to work on, and take over those that an earlier command left."""
    await listen(database, machine.inbox)
    taken_over = await take_over(machine, database, display)
    return [*taken_over, *await open_runs(machine, database, display, crawls, taken_over)]


def _display(stream: TextIO) -> ProgressDisplay:
    console = Console(file=stream, highlight=False, markup=True)
    if console.is_terminal:
        return ProgressBars(console)
    return PlainLines(stream=stream, clock=time.monotonic)


async def _archive(machine: Machine, database: Database, display: ProgressDisplay) -> None:
    """Put the runs that ended since the last tick into the archive, if there is one."""
    if machine.dispatcher.archive is None:
        return
    archived = await archive_runs(machine.dispatcher.archive, database)
    if archived.failed is not None:
        display.line(f"not archived, a later command will: {archived.failed}")


async def _close(
    request: CrawlRequest, database: Database, runs: Sequence[RunId], interrupts: Interrupts | None
) -> int:
    summaries = await summarise(database, runs)
    console = Console(file=sys.stderr if request.as_json else sys.stdout, highlight=False, markup=False)
    show(console, summaries, artifacts=request.settings.artifacts)
    if request.as_json:
        print(json.dumps({"runs": [summary.as_json() for summary in summaries]}, ensure_ascii=False))
    if interrupts is None:
        return exit_code(summaries)
    left = sum(summary.run.waiting + summary.run.leased for summary in summaries)
    wait = counted(left, "task waits", "tasks wait")
    console.print(f"stopped: {wait} in the ledger; `trapline crawl {request.file}` goes on")
    return interrupts.exit_code
