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
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError, TransientError
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import retire
from trapline_common.ledger.views import progress
from trapline_dispatcher.maintenance.archive_runs import archive_runs
from trapline_machine import summary
from trapline_machine.embedded_ledger import open_ledger
from trapline_machine.event_loop import Round
from trapline_machine.logs import own_log
from trapline_machine.machine import Machine, build
from trapline_machine.progress import Bars, Lines, Screen
from trapline_machine.settings import RuntimeSettings
from trapline_machine.signals import Interrupts, caught_interrupts
from trapline_machine.sitemap_check import FetchOnce, check_sitemaps
from trapline_machine.take_over import open_runs, take_over

RETIRE_WITHIN = 10.0
"""Seconds. What is left then, the next command deletes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for. ``only`` empty: every enabled crawl."""

    file: Path
    only: tuple[str, ...]
    as_json: bool
    settings: RuntimeSettings


async def crawl_file(order: Order, environ: Mapping[str, str]) -> int:
    """Crawl and return the exit code (DESIGN 9).

    Raises ``InputRefusedError`` before anything is written, ``LedgerUnavailableError`` and other ``TraplineError``.
    """
    config = load_config(order.file)
    crawls = chosen(config, order)
    fetch = FetchOnce(HttpFetch(gate=gate_from_env(environ)))
    await check_sitemaps(crawls, fetch, order.file)
    settings = order.settings
    with own_log(settings.logs):
        async with open_ledger(settings.data_dir, settings.database_url) as (dsn, database):
            screen = _screen(sys.stderr if order.as_json else sys.stdout)
            with caught_interrupts() as interrupts:
                try:
                    machine = await build(
                        settings, dsn=dsn, config=config, fetch=fetch, environ=environ, alerts=screen.alerts()
                    )
                    work = await _set_up(machine, database, screen, crawls)
                    finished = await work.work(interrupts)
                    await _last_alerts(machine, database, screen)
                    await _archive(machine, database, screen)
                    await _retire(settings, database, screen)
                finally:
                    screen.close()
                return await _close(order, database, work, interrupts if not finished else None)


def chosen(config: Config, order: Order) -> list[CrawlConfig]:
    """Return the crawls to open: those named, enabled or not, else every enabled one. Raises ``InputRefusedError``."""
    for name in order.only:
        if name not in config.crawls:
            known = ", ".join(sorted(config.crawls))
            raise InputRefusedError(f"{order.file}: --only {name}: no such crawl; it has {known}")
    if order.only:
        return [config.crawls[name] for name in dict.fromkeys(order.only)]
    enabled = [crawl for crawl in config.crawls.values() if crawl.enabled]
    if not enabled:
        raise InputRefusedError(f"{order.file}: crawls: none is enabled; name one with --only")
    return enabled


async def _set_up(machine: Machine, database: Database, screen: Screen, crawls: Sequence[CrawlConfig]) -> Round:
    from trapline_machine.inbox import listen

    await listen(database, machine.inbox)
    taken_over = await take_over(machine, database, screen)
    opened = await open_runs(machine, database, screen, crawls, taken_over)

    async def answers() -> bool:
        try:
            async with await machine.dispatcher.connect():
                return True
        except LedgerUnavailableError:
            return False

    return Round(machine=machine, database=database, screen=screen, runs=[*taken_over, *opened], ledger_answers=answers)


def _screen(stream: TextIO) -> Screen:
    console = Console(file=stream, highlight=False, markup=True)
    if console.is_terminal:
        return Bars(console)
    return Lines(stream=stream, clock=time.monotonic)


async def _last_alerts(machine: Machine, database: Database, screen: Screen) -> None:
    try:
        await machine.drain()
    except LedgerUnavailableError:
        raise
    except TransientError as error:
        waiting = await progress.alerts_waiting(database)
        screen.say(f"{waiting} alerts wait, the next command sends them: {error}")


async def _archive(machine: Machine, database: Database, screen: Screen) -> None:
    """Put what ended since the last tick into the archive, if there is one."""
    if machine.dispatcher.archive is None:
        return
    _, failed = await archive_runs(machine.dispatcher.archive, database)
    if failed is not None:
        screen.say(f"not archived, a later command will: {failed}")


async def _retire(settings: RuntimeSettings, database: Database, screen: Screen) -> None:
    if settings.retention is None:
        return
    found = await retire(database, settings.retention, within=RETIRE_WITHIN, clock=time.monotonic)
    if found.rows:
        screen.say(f"{found.rows} rows deleted that ended more than {settings.retention.days} days ago")


async def _close(order: Order, database: Database, work: Round, interrupts: Interrupts | None) -> int:
    reports = await progress.report(database, work.runs)
    console = Console(file=sys.stderr if order.as_json else sys.stdout, highlight=False, markup=False)
    summary.show(console, reports, artifacts=order.settings.artifacts)
    if order.as_json:
        print(json.dumps({"runs": [report.as_json() for report in reports]}, ensure_ascii=False))
    if interrupts is None:
        return summary.exit_code(reports)
    left = sum(report.total - report.done - report.failed for report in reports)
    wait = "1 task waits" if left == 1 else f"{left} tasks wait"
    console.print(f"stopped: {wait} in the ledger; `trapline crawl {order.file}` goes on")
    return interrupts.exit_code
