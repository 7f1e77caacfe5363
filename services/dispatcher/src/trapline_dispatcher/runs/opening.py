"""Opening a run: its row first, its pages worked out outside any transaction, then all its tasks at once."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline_common.config.fingerprint import fingerprint
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import (
    ConfigUnreadableError,
    InputRefusedError,
    MessageRefusedError,
    TransientError,
)
from trapline_common.domain.ids import CrawlName, LaneName, RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger import answering, runs
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.runs.pages import Pages, expand
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")

MOST_BROKEN = 5
"""Attempts at resuming an opening that end in an error which no time mends; then the run is ``refused``."""

LEAST_TRIES = 3
"""Attempts before a run is refused for its age alone: a dispatcher that was away for hours still tries."""


class Awaiting(NamedTuple):
    """Who waits for a run's end."""

    task_token: str
    """With which it waits."""
    execution: str | None
    """The ARN of the waiting execution, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpening:
    """How far the opening of a run came."""

    run_id: RunId
    """The run that was opened, or that an earlier delivery of the message had opened."""
    lane: LaneName
    """The run's lane; it is counted again if this call wrote tasks."""
    status: RunStatus
    """The run's status after this call."""
    tasks: int | None = None
    """How many tasks this call wrote; ``None`` when it wrote none."""
    repeated: bool = False
    """Whether the tick or the request had come before."""
    waits_for: RunId | None = None
    """The earlier run of the crawl that this one waits for, or was skipped for."""
    pages_refused: str | None = None
    """Why the run's pages could not be worked out for good; the run has ended then."""


async def open_run(
    services: Services,
    database: Database,
    name: CrawlName,
    *,
    scheduled_for: datetime | None = None,
    request: UUID | None = None,
    awaited: Awaiting | None = None,
    acted_by: str | None = None,
) -> RunOpening:
    """Open a run of the crawl ``name``; the same tick or request again changes nothing.

    ``awaited``: the sender waits for the run's end, whichever delivery opened it.

    Raises ``MessageRefusedError`` for a crawl that is not in the config, or is disabled and was not asked for by hand;
    ``TransientError`` when its pages can't be worked out just now: the run stays ``opening`` and is resumed.
    """
    config = await services.config()
    crawl = config.crawls.get(name)
    if crawl is None:
        raise MessageRefusedError(f"no crawl {name!r} in the config; it has: {', '.join(sorted(config.crawls))}")
    if scheduled_for is not None and not crawl.enabled:
        raise MessageRefusedError(f"crawl {name!r} is disabled")
    opening = await runs.begin(
        database,
        crawl,
        config.lanes[crawl.lane],
        fingerprint=fingerprint(crawl),
        scheduled_for=scheduled_for,
        request=request,
        acted_by=acted_by,
    )
    return await go_on(services, database, opening, crawl, awaited)


async def retry_run(
    services: Services,
    database: Database,
    name: CrawlName,
    run_id: RunId,
    *,
    request: UUID,
    awaited: Awaiting | None = None,
    acted_by: str | None = None,
) -> RunOpening:
    """Open a new run of another run's failed tasks, under that run's frozen config; ``awaited`` as in ``open_run``.

    Raises ``MessageRefusedError`` when there is no such run of the crawl, it has not ended, or no task of it failed.
    """
    try:
        found = (await runs.frozen(database, [run_id])).get(run_id)
    except ConfigUnreadableError as error:
        raise MessageRefusedError(f"{error}; retry it with the release that opened it, or open a new run") from error
    if found is None:
        raise MessageRefusedError(f"no run {run_id}")
    if found.crawl.name != name:
        raise MessageRefusedError(f"run {run_id} is one of crawl {found.crawl.name!r}, not of {name!r}")
    if not await runs.has_ended(database, run_id):
        raise MessageRefusedError(f"run {run_id} has not ended; its tasks are still retried in it")
    if not await runs.failed_urls(database, run_id):
        raise MessageRefusedError(f"run {run_id} has no failed task to retry")
    opening = await runs.begin(
        database, found.crawl, None, fingerprint=found.fingerprint, request=request, retry_of=run_id, acted_by=acted_by
    )
    return await go_on(services, database, opening, found.crawl, awaited)


async def resume(services: Services, database: Database, run_id: RunId) -> RunOpening | None:
    """Go on with an opening whose dispatcher died, or that waits for its turn; ``None``: another dispatcher does.

    Ends it ``refused`` when its attempts are used up: an hour of what may pass, or ``MOST_BROKEN`` of anything else.
    """
    # Before `try_opening`, since it claims no attempt: the tick after the earlier run's end goes on at once.
    waiting = await _waiting(database, run_id)
    if waiting is not None:
        return waiting
    tries = await runs.try_opening(database, run_id, after=services.timeouts.resume_opening_after)
    if not tries:
        return None
    lane = await _lane_of(database, run_id)
    age = await runs.age(database, run_id)
    if tries > LEAST_TRIES and age >= services.timeouts.give_up_opening_after + services.timeouts.expand_within:
        # Attempts that raised would have refused it by now: these were killed, or ran out of the function's time.
        reason = f"given up after {age:.0f} s: {tries - 1} attempts to work out its pages were cut off"
        return await _refuse(database, run_id, lane, reason)
    try:
        crawl = (await runs.frozen(database, [run_id]))[run_id].crawl
    except ConfigUnreadableError as error:
        return await _put_off(services, database, run_id, lane, error)
    return await _fill(services, database, run_id, crawl, tries=tries)


async def go_on(
    services: Services,
    database: Database,
    opening: runs.Opening,
    crawl: CrawlConfig,
    awaited: Awaiting | None = None,
) -> RunOpening:
    """Write the tasks of a run that this call began, or say how far another one is."""
    if awaited is not None:
        # Before its pages are worked out, and before its end is looked at: no end comes between.
        await answering.await_run(database, opening.run_id, awaited.task_token, awaited.execution)
        if opening.repeated and await runs.has_ended(database, opening.run_id):
            opening = replace(opening, status=RunStatus.ENDED)
    if opening.repeated and opening.status is RunStatus.OPENING:
        # Another dispatcher is at it, or died at it: only a stale opening is taken over.
        resumed = await resume(services, database, opening.run_id)
        if resumed is not None:
            return replace(resumed, repeated=True)
    if opening.repeated or opening.status is RunStatus.ENDED or opening.blocked_by is not None:
        return RunOpening(
            run_id=opening.run_id,
            lane=LaneName(crawl.lane),
            status=opening.status,
            repeated=opening.repeated,
            waits_for=opening.blocked_by,
        )
    return await _fill(services, database, opening.run_id, crawl)


async def _waiting(database: Database, run_id: RunId) -> RunOpening | None:
    """Return how an opening stands that an earlier run of the crawl keeps waiting; ``None`` when no run does."""
    blocker = await runs.waits_for(database, run_id)
    if blocker is None:
        return None
    lane = await _lane_of(database, run_id)
    return RunOpening(run_id=run_id, lane=lane, status=RunStatus.OPENING, waits_for=blocker)


async def _lane_of(database: Database, run_id: RunId) -> LaneName:
    lane = await runs.lane_of(database, run_id)
    if lane is None:
        raise MessageRefusedError(f"no run {run_id}")
    return lane


async def _fill(
    services: Services, database: Database, run_id: RunId, crawl: CrawlConfig, *, tries: int = 0
) -> RunOpening:
    """Write the run's tasks. ``tries``: how many attempts at resuming it this makes."""
    lane = LaneName(crawl.lane)
    try:
        pages = await _pages(services, database, run_id, crawl)
        tasks = await runs.fill(database, run_id, crawl, pages.urls, note=pages.left_out)
    except InputRefusedError as error:
        return await _refuse(database, run_id, lane, str(error))
    except TransientError as error:
        return await _put_off(services, database, run_id, lane, error)
    except Exception as error:
        if tries < MOST_BROKEN:
            raise
        reason = f"given up after {tries} attempts: {type(error).__name__}: {error}"
        return await _refuse(database, run_id, lane, reason[:1000])
    if tasks is None:  # another dispatcher, slower or faster than we thought, has written them
        return RunOpening(run_id=run_id, lane=lane, status=RunStatus.OPEN, repeated=True)
    _log.info("run_opened", run_id=run_id, crawl=crawl.name, tasks=tasks)
    return RunOpening(run_id=run_id, lane=lane, status=RunStatus.OPEN, tasks=tasks)


async def _put_off(
    services: Services, database: Database, run_id: RunId, lane: LaneName, error: TransientError
) -> RunOpening:
    """Raise ``error``, for another attempt; refuse the run when it is too old for one."""
    age = await runs.age(database, run_id)
    if age < services.timeouts.give_up_opening_after:
        _log.warning("opening_put_off", run_id=run_id, reason=str(error))
        raise error
    return await _refuse(database, run_id, lane, f"given up after {age:.0f} s: {error}")


async def _pages(services: Services, database: Database, run_id: RunId, crawl: CrawlConfig) -> Pages:
    page = await runs.only_page(database, run_id)
    if page is not None:
        return Pages(urls=[page])
    source = await runs.retry_source(database, run_id)
    if source is not None:
        return Pages(urls=await runs.failed_urls(database, source))
    return await expand(crawl, services.fetch, services.secrets, within=services.timeouts.expand_within)


async def _refuse(database: Database, run_id: RunId, lane: LaneName, reason: str) -> RunOpening:
    await runs.refuse(database, run_id, reason)
    _log.error("run_refused", run_id=run_id, reason=reason)
    return RunOpening(run_id=run_id, lane=lane, status=RunStatus.ENDED, pages_refused=reason)
