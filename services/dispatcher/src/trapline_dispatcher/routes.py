"""Which message leads to which work."""

from collections.abc import Mapping
from typing import assert_never

from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.urls import normalise_url
from trapline_common.domain.answers import Counted, DispatcherAnswer, Enqueued, Opened
from trapline_common.domain.errors import ConfigUnreadableError, MessageRefusedError
from trapline_common.domain.ids import CrawlName, LaneName, RunId
from trapline_common.domain.messages import Count, Enqueue, OpenRun, Reap, Tick, parse_dispatcher
from trapline_common.ledger import lanes, runs
from trapline_common.ledger.connection import Database
from trapline_dispatcher.maintenance.failure_records import take_records
from trapline_dispatcher.maintenance.notifier_nudge import nudge_notifier
from trapline_dispatcher.maintenance.reap import reap
from trapline_dispatcher.orchestration.count_lanes import count_lanes
from trapline_dispatcher.orchestration.self_invoking import count_and_ask
from trapline_dispatcher.runs.opening import RunOpening, open_run, retry_run
from trapline_dispatcher.runs.tick_time import expanded
from trapline_dispatcher.services import Services


async def dispatch(services: Services, database: Database, event: object) -> DispatcherAnswer:
    """Do what ``event`` asks for and return what came of it.

    Raises ``MessageRefusedError`` for what will never work, ``TransientError`` for what may.
    """
    if isinstance(event, Mapping) and isinstance(records := event.get("Records"), list):
        return await take_records(services, database, records)
    message = parse_dispatcher(await expanded(event, database, allowed=services.unexpanded_ticks))
    match message:
        case Tick(crawl=crawl, scheduled_for=scheduled_for):
            opening = await open_run(services, database, CrawlName(crawl), scheduled_for=scheduled_for)
            return await _opened(services, database, opening)
        case OpenRun():
            return await _opened(services, database, await _open(services, database, message))
        case Enqueue(run_id=run_id, urls=urls):
            return await _enqueue(services, database, RunId(run_id), urls)
        case Count():
            names = await lanes.busy_lanes(database) if message.lane is None else [LaneName(message.lane)]
            return Counted(asked=await count_lanes(services, database, names, hop=message.hop))
        case Reap():
            return await reap(services, database)
        case _:
            assert_never(message)


async def _open(services: Services, database: Database, message: OpenRun) -> RunOpening:
    name = CrawlName(message.crawl)
    if message.retry_of is None:
        return await open_run(services, database, name, request=message.request)
    return await retry_run(services, database, name, RunId(message.retry_of), request=message.request)


async def _opened(services: Services, database: Database, opening: RunOpening) -> Opened:
    if opening.pages_refused is not None:
        await nudge_notifier(services, database)
    return Opened(
        run_id=opening.run_id,
        status=opening.status,
        repeated=opening.repeated,
        waits_for=opening.waits_for,
        pages_refused=opening.pages_refused,
        tasks=opening.tasks,
        asked=None if opening.tasks is None else await count_and_ask(services, database, opening.lane),
    )


async def _enqueue(services: Services, database: Database, run_id: RunId, urls: tuple[str, ...]) -> Enqueued:
    pages = _normalised(urls)
    lane = await runs.lane_of(database, run_id)
    if lane is not None and (strange := await _strange_to_secrets(database, run_id, pages)):
        raise MessageRefusedError(f"enqueue.urls: {strange}")
    added = None if lane is None else await runs.enqueue(database, run_id, pages)
    if lane is None or added is None:
        raise MessageRefusedError(f"run {run_id} is not open; tasks can only be added to an open run")
    return Enqueued(run_id=run_id, added=added, asked=await count_and_ask(services, database, lane))


async def _strange_to_secrets(database: Database, run_id: RunId, pages: list[str]) -> str | None:
    """Return which page is of no origin that the run's secrets were written for, in words.

    The run's ``urls``, which may be many, are read only if it has such secrets. Raises ``MessageRefusedError`` when
    this release can't read the config: it would not know whom it hands a secret to.
    """
    try:
        run = (await runs.frozen(database, [run_id], pages=False))[run_id]
    except ConfigUnreadableError as error:
        raise MessageRefusedError(f"enqueue.run_id: {error}; no page can be added to it") from error
    if SecretOrigins(run.crawl).refusal(pages) is None:
        return None
    return SecretOrigins((await runs.frozen(database, [run_id]))[run_id].crawl).refusal(pages)


def _normalised(urls: tuple[str, ...]) -> list[str]:
    """Return each page once, in the form the config's pages have: one page must not become two."""
    pages: dict[str, None] = {}
    for index, url in enumerate(urls):
        try:
            pages[normalise_url(url)] = None
        except ValueError as error:
            raise MessageRefusedError(f"enqueue.urls.{index}: {error}") from error
    return list(pages)
