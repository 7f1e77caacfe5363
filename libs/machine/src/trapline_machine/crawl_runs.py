"""``trapline crawl`` with its ledger: opens the runs, works until they end, tells, and shows what became of them."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from trapline_common.config.models import Config, CrawlConfig
from trapline_common.domain.ids import RunId
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.platform.text import counted
from trapline_dispatcher.maintenance.archive_runs import archive_runs
from trapline_machine.crawl_request import CrawlRequest
from trapline_machine.event_loop import EventLoop
from trapline_machine.goals import RunsEnd
from trapline_machine.inbox import listen
from trapline_machine.last_alerts import send_last_alerts
from trapline_machine.machine import Machine, always, build
from trapline_machine.process_start import EarlyCrawler
from trapline_machine.progress import PlainLines, ProgressDisplay
from trapline_machine.retirement import retire_here
from trapline_machine.signals import Interrupts, caught_interrupts
from trapline_machine.sitemap_check import FetchOnce, fetch_once
from trapline_machine.take_over import open_runs, take_over


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRuns:
    """The runs of one command."""

    request: CrawlRequest
    """The command line."""
    config: Config
    """The file that it names."""
    crawls: Sequence[CrawlConfig]
    """The crawls of it to open a run of."""
    environ: Mapping[str, str]
    """The command's environment."""
    early: EarlyCrawler
    """The process for the first invocation."""

    async def work(self, dsn: str, database: Database, *, fetch: FetchOnce | None, broken: Mapping[str, str]) -> int:
        """Open runs, work until they end, and return the exit code.

        ``fetch`` has looked at the sitemaps already, where there are some; ``broken``: what is wrong with them, by
        crawl.
        """
        settings = self.request.settings
        await known_crawls.take(database, self.config.crawls.values(), source=str(self.request.file.resolve()))
        display = _display(sys.stderr if self.request.as_json else sys.stdout)
        for problem in broken.values():
            display.line(problem)
        with caught_interrupts() as interrupts:
            try:
                machine = await build(
                    settings,
                    dsn=dsn,
                    config=always(self.config),
                    fetch=fetch or fetch_once(self.environ),
                    environ=self.environ,
                    alerts=display.alerts(),
                    early=self.early,
                )
                runs = await self._open(machine, database, display)
                work = EventLoop(
                    machine=machine,
                    database=database,
                    display=display,
                    goal=RunsEnd(runs=runs),
                    ledger_answers=machine.ledger_answers,
                )
                # The crawlers are at work; what the end needs is loaded meanwhile.
                import trapline_machine.summary  # noqa: F401

                finished = await work.work(interrupts)
                await send_last_alerts(machine, database, display)
                await _archive(machine, database, display)
                await retire_here(settings, database, display)
            finally:
                display.close()
            return await self._close(database, runs, interrupts if not finished else None)

    async def _open(self, machine: Machine, database: Database, display: ProgressDisplay) -> list[RunId]:
        """Open the runs to work on, and take over those that an earlier command left."""
        await listen(database, machine.inbox)
        taken_over = await take_over(machine, database, display)
        return [*taken_over, *await open_runs(machine, database, display, self.crawls, taken_over)]

    async def _close(self, database: Database, runs: Sequence[RunId], interrupts: Interrupts | None) -> int:
        from rich.console import Console

        from trapline_machine.summary import exit_code, show, summarise

        summaries = await summarise(database, runs)
        as_json = self.request.as_json
        console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, markup=False)
        show(console, summaries, artifacts=self.request.settings.artifacts)
        if as_json:
            print(json.dumps({"runs": [summary.as_json() for summary in summaries]}, ensure_ascii=False))
        if interrupts is None:
            return exit_code(summaries)
        left = sum(summary.run.waiting + summary.run.leased for summary in summaries)
        wait = counted(left, "task waits", "tasks wait")
        console.print(f"stopped: {wait} in the ledger; `trapline crawl {self.request.file}` goes on")
        return interrupts.exit_code


def _display(stream: TextIO) -> ProgressDisplay:
    if stream.isatty() or os.environ.get("FORCE_COLOR"):
        from rich.console import Console

        from trapline_machine.progress_bars import ProgressBars

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
