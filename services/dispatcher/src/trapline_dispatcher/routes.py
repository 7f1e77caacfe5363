"""Which message leads to which work."""

from collections.abc import Mapping
from typing import assert_never

from trapline_common.config.urls import normalise_url
from trapline_common.domain.answers import Counted, DispatcherAnswer, Enqueued, Opened
from trapline_common.domain.errors import InputRefusedError, MessageRefusedError
from trapline_common.domain.ids import CrawlName, LaneName, PageId, RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import (
    Await,
    Count,
    Enqueue,
    Lost,
    Next,
    OpenRun,
    Reap,
    Tick,
    VisitPage,
    WaveEnded,
    parse_dispatcher,
)
from trapline_common.ledger import lanes, runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.waking import awake
from trapline_dispatcher.maintenance.failure_records import take_lost, take_records
from trapline_dispatcher.maintenance.notifier_nudge import nudge_notifier
from trapline_dispatcher.maintenance.reap import reap
from trapline_dispatcher.orchestration.asking import count_and_ask
from trapline_dispatcher.orchestration.count_lanes import count_lanes
from trapline_dispatcher.orchestration.executions import next_invocation, wave_ended
from trapline_dispatcher.runs.one_page import visit_page
from trapline_dispatcher.runs.opening import Awaiting, RunOpening, open_run, retry_run
from trapline_dispatcher.runs.telling_ends import await_end, tell_end
from trapline_dispatcher.runs.tick_time import expanded
from trapline_dispatcher.services import Services

WorkMessage = Tick | OpenRun | VisitPage | Await | Enqueue | Count | Lost | WaveEnded | Next
"""All but the tick: what it asks for may be work for a tick, which is awake before any of it is committed."""


async def dispatch(services: Services, database: Database, event: object) -> DispatcherAnswer:
    """Do what ``event`` asks for and return what came of it.

    Raises ``MessageRefusedError`` for what will never work, ``TransientError`` for what may.
    """
    if isinstance(event, Mapping) and isinstance(records := event.get("Records"), list):
        async with awake(database, services.tick):
            return await take_records(services, database, records)
    message = parse_dispatcher(await expanded(event, database, allowed=services.unexpanded_ticks))
    if isinstance(message, Reap):
        return await reap(services, database)
    async with awake(database, services.tick):
        return await _make_work(services, database, message)


async def _make_work(services: Services, database: Database, message: WorkMessage) -> DispatcherAnswer:
    match message:
        case Tick() | OpenRun() | VisitPage():
            return await _opened(services, database, await _open(services, database, message))
        case Await():
            return await await_end(services, database, message)
        case Enqueue(run_id=run_id, urls=urls):
            return await _enqueue(services, database, RunId(run_id), urls)
        case Count():
            names = await lanes.busy_lanes(database) if message.lane is None else [LaneName(message.lane)]
            return Counted(asked=await count_lanes(services, database, names, hop=message.hop))
        case Lost():
            return await take_lost(services, database, message)
        case WaveEnded():
            return await wave_ended(services, database, message)
        case Next():
            return await next_invocation(services, database, message)
        case _:
            assert_never(message)


async def _open(services: Services, database: Database, message: Tick | OpenRun | VisitPage) -> RunOpening:
    if isinstance(message, VisitPage):
        page_id, who = PageId(message.page_id), message.acted_by
        return await visit_page(services, database, page_id, request=message.request, acted_by=who)
    name, token = CrawlName(message.crawl), message.task_token
    awaited = None if token is None else Awaiting(token, message.execution)
    if isinstance(message, Tick):
        return await open_run(services, database, name, scheduled_for=message.scheduled_for, awaited=awaited)
    request, who = message.request, message.acted_by
    if message.retry_of is None:
        return await open_run(services, database, name, request=request, awaited=awaited, acted_by=who)
    failed_of = RunId(message.retry_of)
    return await retry_run(services, database, name, failed_of, request=request, awaited=awaited, acted_by=who)


async def _opened(services: Services, database: Database, opening: RunOpening) -> Opened:
    if opening.pages_refused is not None:
        await nudge_notifier(services, database)
    if opening.status is RunStatus.ENDED:
        await tell_end(services, database, opening.run_id)
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
    try:
        added = None if lane is None else await runs.enqueue(database, run_id, pages)
    except InputRefusedError as error:
        raise MessageRefusedError(f"enqueue.urls: {error}") from error
    if lane is None or added is None:
        raise MessageRefusedError(f"run {run_id} is not open; tasks can only be added to an open run")
    return Enqueued(run_id=run_id, added=added, asked=await count_and_ask(services, database, lane))


def _normalised(urls: tuple[str, ...]) -> list[str]:
    """Return each page once, in the form the config's pages have: one page must not become two."""
    pages: dict[str, None] = {}
    for index, url in enumerate(urls):
        try:
            pages[normalise_url(url)] = None
        except ValueError as error:
            raise MessageRefusedError(f"enqueue.urls.{index}: {error}") from error
    return list(pages)
