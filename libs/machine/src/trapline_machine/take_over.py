"""Which runs a command works on: those that an earlier command left behind, and one for each crawl it was asked for."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.answers import Opened, accepted
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import OpenRun, Reap
from trapline_common.ledger.connection import Database
from trapline_common.ledger.run_holds import open_by_hand, try_hold
from trapline_machine.machine import Machine
from trapline_machine.progress import ProgressDisplay
from trapline_machine.rescue import end_gone


async def take_over(machine: Machine, database: Database, display: ProgressDisplay) -> list[RunId]:
    """Rescue what a killed command left, and return its open runs, to be finished here.

    ``database`` holds each run taken over, so that of two commands only one works on it.
    """
    await end_gone(database, machine.registry, location=machine.dispatcher.location)
    try:
        await machine.dispatch(Reap().event())
    except LedgerUnavailableError:
        raise
    except TransientError as error:  # a run left behind whose sitemap can't be fetched: tried again later
        display.line(str(error))
    found = []
    for run in await open_by_hand(database):
        if await try_hold(database, run.request):
            display.line(f"run {run.run_id} {run.crawl}: left open by an earlier command; finishing it too")
            found.append(run.run_id)
    return found


async def open_runs(
    machine: Machine,
    database: Database,
    display: ProgressDisplay,
    crawls: Sequence[CrawlConfig],
    taken_over: Sequence[RunId],
) -> list[RunId]:
    """Open a run of each crawl, by hand, and return those that were opened. Raises ``MessageRefusedError``."""
    opened = []
    for crawl in crawls:
        request = uuid4()
        await try_hold(database, request)
        try:
            run = accepted(Opened, await machine.dispatch(OpenRun(crawl=crawl.name, request=request).event()))
        except LedgerUnavailableError:
            raise
        except TransientError as error:
            display.line(f"{crawl.name}: {error}; trying again")
            opened += await _still_opening(database, request)
            continue
        if run.waits_for is not None and run.status is RunStatus.ENDED:
            where = "finishing that one" if run.waits_for in taken_over else "another command works on it"
            display.line(
                f"{crawl.name}: no new run, for run {run.waits_for} is still open ({where}); `overlap: queue` waits"
            )
            continue
        opened.append(run.run_id)
    return opened


async def _still_opening(database: Database, request: UUID) -> list[RunId]:
    return [run.run_id for run in await open_by_hand(database) if run.request == request]
