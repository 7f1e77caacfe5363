"""Which runs a command works on: those it finds left behind, and one for each crawl it was asked for."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.messages import OpenRun, Reap
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views import progress
from trapline_machine.machine import Machine
from trapline_machine.progress import Screen


async def take_over(machine: Machine, database: Database, screen: Screen) -> list[RunId]:
    """Rescue what a killed command left, and return its open runs, to be finished here.

    ``database`` holds each run taken over, so that of two commands only one does.
    """
    await machine.report_dead(database)
    try:
        await machine.dispatch(Reap().event())
    except LedgerUnavailableError:
        raise
    except TransientError as error:  # a run left behind whose sitemap can't be fetched: tried again later
        screen.say(str(error))
    found = []
    for run in await progress.left_open(database):
        if await progress.try_hold(database, run.request):
            screen.say(f"run {run.run_id} {run.crawl}: left open by an earlier command; finishing it too")
            found.append(run.run_id)
    return found


async def open_runs(
    machine: Machine, database: Database, screen: Screen, crawls: Sequence[CrawlConfig], taken_over: Sequence[RunId]
) -> list[RunId]:
    """Open a run of each crawl, by hand, and return those that were opened."""
    opened = []
    for crawl in crawls:
        request = uuid4()
        await progress.try_hold(database, request)
        try:
            result = await machine.dispatch(OpenRun(crawl=crawl.name, request=request).event())
        except LedgerUnavailableError:
            raise
        except TransientError as error:
            screen.say(f"{crawl.name}: {error}; trying again")
            opened += await _still_opening(database, request)
            continue
        run_id, blocker = RunId(result["run_id"]), result.get("waits_for")
        if blocker is not None and result["status"] == "ended":
            where = "finishing that one" if blocker in taken_over else "another command works on it"
            screen.say(f"{crawl.name}: no new run, for run {blocker} is still open ({where}); `overlap: queue` waits")
            continue
        opened.append(run_id)
    return opened


async def _still_opening(database: Database, request: UUID) -> list[RunId]:
    return [run.run_id for run in await progress.left_open(database) if run.request == request]
