"""Which message leads to which work."""

from collections.abc import Mapping
from typing import Any, assert_never

from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import CrawlName, LaneName, RunId
from trapline_common.domain.messages import Count, Drain, Enqueue, OpenRun, Reap, Tick, parse_dispatcher
from trapline_common.ledger import lanes, outbox, runs
from trapline_common.ledger.connection import Database
from trapline_dispatcher.maintenance.failure_records import take_records
from trapline_dispatcher.maintenance.reap import reap
from trapline_dispatcher.orchestration.self_invoking import count_and_ask
from trapline_dispatcher.runs.opening import Opened, open_run, retry_run
from trapline_dispatcher.runs.tick_time import expanded
from trapline_dispatcher.services import Services


async def dispatch(services: Services, database: Database, event: object) -> dict[str, Any]:
    """Do what ``event`` asks for and return what came of it, JSON-ready.

    Raises ``MessageRefusedError`` for what will never work, ``TransientError`` for what may.
    """
    if isinstance(event, Mapping) and isinstance(records := event.get("Records"), list):
        return await take_records(services, database, records)
    message = parse_dispatcher(await expanded(event, database, allowed=services.unexpanded_ticks))
    match message:
        case Tick(crawl=crawl, scheduled_for=scheduled_for):
            return await _opened(
                services, database, await open_run(services, database, CrawlName(crawl), scheduled_for=scheduled_for)
            )
        case OpenRun():
            return await _opened(services, database, await _open(services, database, message))
        case Enqueue(run_id=run_id, urls=urls):
            return await _enqueue(services, database, RunId(run_id), urls)
        case Count():
            names = await lanes.busy_lanes(database) if message.lane is None else [LaneName(message.lane)]
            asked = [await count_and_ask(services, database, lane, hop=message.hop) for lane in names]
            return {"asked": sum(one.missing for one in asked)}
        case Reap():
            return await reap(services, database)
        case _:
            assert_never(message)


async def _open(services: Services, database: Database, message: OpenRun) -> Opened:
    name = CrawlName(message.crawl)
    if message.retry_of is None:
        return await open_run(services, database, name, request=message.request)
    return await retry_run(services, database, name, RunId(message.retry_of), request=message.request)


async def _opened(services: Services, database: Database, opened: Opened) -> dict[str, Any]:
    result: dict[str, Any] = {"run_id": opened.run_id, "status": opened.status.value, "repeated": opened.repeated}
    if opened.waits_for is not None:
        result["waits_for"] = opened.waits_for
    if opened.refused is not None:
        result["refused"] = opened.refused
        if await outbox.any_due(database):
            await services.nudger.nudge("notifier", Drain().event())
    if opened.tasks is not None:
        result["tasks"] = opened.tasks
        result["asked"] = (await count_and_ask(services, database, opened.lane)).missing
    return result


async def _enqueue(services: Services, database: Database, run_id: RunId, urls: tuple[str, ...]) -> dict[str, Any]:
    pages = _normalised(urls)
    lane = await runs.lane_of(database, run_id)
    added = None if lane is None else await runs.enqueue(database, run_id, pages)
    if lane is None or added is None:
        raise MessageRefusedError(f"run {run_id} is not open; tasks can only be added to an open run")
    asked = await count_and_ask(services, database, lane)
    return {"run_id": run_id, "added": added, "asked": asked.missing}


def _normalised(urls: tuple[str, ...]) -> list[str]:
    """Return each page once, in the form the config's pages have: one page must not become two."""
    pages: dict[str, None] = {}
    for place, url in enumerate(urls):
        try:
            pages[normalise_url(url)] = None
        except ValueError as error:
            raise MessageRefusedError(f"enqueue.urls.{place}: {error}") from error
    return list(pages)
