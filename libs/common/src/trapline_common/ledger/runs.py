"""Runs: opened once per tick, filled with tasks (``run_pages``), ended once (``run_end``, ``run_cancel``)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from trapline_common.config.frozen_run import FrozenRun, failing_config, frozen_text, read_config
from trapline_common.config.models import CrawlConfig, LaneConfig, Overlap
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import LaneName, PageId, RunId
from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.ledger import lanes, run_cancel, run_pages
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.ledger.run_cancel import cancel
from trapline_common.ledger.run_end import end_all_done, end_if_done, endable, refuse
from trapline_common.ledger.run_pages import enqueue, fill
from trapline_common.platform.logging import get_logger

__all__ = [
    "Opening",
    "age",
    "begin",
    "cancel",
    "end_all_done",
    "end_if_done",
    "endable",
    "enqueue",
    "failed_urls",
    "failing",
    "fill",
    "finish_begun",
    "frozen",
    "has_ended",
    "lane_of",
    "newest",
    "of_request",
    "only_page",
    "refuse",
    "retry_source",
    "stale_openings",
    "this_minute",
    "try_opening",
    "waits_for",
]

_RUNS = load("runs")
_log = get_logger("runs")

RESUME_OPENING_AFTER = 60.0
"""Seconds after which an ``opening`` is stale: longer than a dispatcher takes to fetch its sitemaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What became of a request to open a run."""

    run_id: RunId
    """The run of this tick or request."""
    status: RunStatus
    """``ended`` when the run was skipped because of its overlap."""
    repeated: bool
    """Whether the tick or the request was seen before."""
    blocked_by: RunId | None = None
    """An earlier run of the crawl that has not ended."""


async def begin(
    database: Database,
    crawl: CrawlConfig,
    lane: LaneConfig | None,
    *,
    fingerprint: str,
    scheduled_for: datetime | None = None,
    request: UUID | None = None,
    retry_of: RunId | None = None,
    page_id: PageId | None = None,
    acted_by: str | None = None,
) -> Opening:
    """Insert a run as ``opening`` with its frozen config. Keeps guarantee 1: one tick, or one request, opens one run.

    When the crawl's last run is still open, ``overlap: skip`` ends the new one as ``skipped`` (recorded), ``queue``
    leaves it ``opening`` until the reaper finds the way free. Without ``lane`` the lane's stored limits stay. With
    ``page_id`` it visits that page alone, and ``retry_of`` is the run before: like a retry it is a part of that one.
    ``acted_by``: who asked for it.

    Raises ``MessageRefusedError`` for a request that opened a run of another crawl, or of other tasks, and when the
    run that is to be retried is no longer kept.
    """
    async with database.transaction():
        await database.fetch(_RUNS["lock_crawl"], crawl.name)
        if retry_of is not None and await database.fetchval(_RUNS["keep"], retry_of) is None:
            raise MessageRefusedError(f"no run {retry_of}: it is no longer kept")
        if lane is not None:
            await lanes.put_lane(database, LaneName(crawl.lane), lane)
        run_id = await database.fetchval(
            _RUNS["insert"],
            crawl.name,
            crawl.lane,
            scheduled_for,
            request,
            retry_of,
            frozen_text(crawl),
            fingerprint,
            page_id,
            to_text(acted_by),
        )
        if run_id is None:
            row = await database.fetchrow(_RUNS["existing"], crawl.name, scheduled_for, request)
            if row is None:
                raise RuntimeError("the run that is in the way can't be seen")  # impossible: its commit was waited for
            if request is not None:
                _check_same(row, crawl.name, retry_of, page_id, request)
            return Opening(run_id=RunId(row["id"]), status=RunStatus(row["status"]), repeated=True)
        blocker = await database.fetchval(_RUNS["earlier_unended"], crawl.name, run_id)
        if blocker is not None and crawl.overlap is Overlap.SKIP:
            await database.fetch(_RUNS["ended"], run_id, RunOutcome.SKIPPED, f"run {blocker} was still open", 0, 0, 0)
    skipped = blocker is not None and crawl.overlap is Overlap.SKIP
    if skipped:
        _log.info("run_ended", crawl=crawl.name, run_id=run_id, outcome=RunOutcome.SKIPPED, done=0, failed=0, changes=0)
    return Opening(
        run_id=RunId(run_id),
        status=RunStatus.ENDED if skipped else RunStatus.OPENING,
        repeated=False,
        blocked_by=None if blocker is None else RunId(blocker),
    )


def _check_same(
    found: asyncpg.Record, crawl: str, retry_of: RunId | None, page_id: PageId | None, request: UUID
) -> None:
    """Raise ``MessageRefusedError`` unless the run that has this request's id is the one that it asks for."""
    asked, opened = _kind(retry_of, page_id), _kind(found["retry_of"], found["page_id"])
    if (found["crawl"], opened) != (crawl, asked):
        raise MessageRefusedError(
            f"request {request} asks for {asked} of crawl {crawl!r}, and has opened run {found['id']}, {opened} of "
            f"crawl {found['crawl']!r}: send a new id with each request"
        )


def _kind(retry_of: int | None, page_id: int | None) -> str:
    """Return what was asked for in words. Of one page the run before it, which grows, does not count."""
    if page_id is not None:
        return f"a visit of page {page_id}"
    return "a run" if retry_of is None else f"a retry of run {retry_of}"


async def newest(database: Database, crawl: str) -> RunId | None:
    """Return the newest run of a crawl; ``None`` when it has none."""
    found: int | None = await database.fetchval(_RUNS["newest"], crawl)
    return None if found is None else RunId(found)


async def only_page(database: Database, run_id: RunId) -> str | None:
    """Return the address of the one page that a run visits; ``None`` when it visits the crawl's, or failed ones."""
    url: str | None = await database.fetchval(_RUNS["only_page"], run_id)
    return url


async def frozen(database: Database, run_ids: Sequence[RunId], *, pages: bool = True) -> dict[RunId, FrozenRun]:
    """Return the frozen config of each run; without ``pages`` its ``urls`` are empty, and reading it costs little.

    Raises ``ConfigUnreadableError`` when this release can't read one of them.
    """
    rows = await database.fetch(_RUNS["configs" if pages else "configs_to_visit"], list(run_ids))
    return {
        RunId(row["id"]): FrozenRun(
            run_id=RunId(row["id"]),
            crawl=read_config(row["config"], run_id=RunId(row["id"])),
            fingerprint=row["fingerprint"],
        )
        for row in rows
    }


async def failing(database: Database, run_id: RunId) -> FrozenRun:
    """Return what a failure needs of a run, whichever release froze its config: name, lane and alerts."""
    row = await database.fetchrow(_RUNS["configs_to_visit"], [run_id])
    if row is None:
        raise RuntimeError(f"run {run_id} is gone")  # impossible: a run that has an open task is never deleted
    crawl = failing_config(row["config"], crawl=row["crawl"], lane=row["lane"])
    return FrozenRun(run_id=run_id, crawl=crawl, fingerprint=row["fingerprint"])


async def failed_urls(database: Database, run_id: RunId) -> list[str]:
    """Return the pages of a run's failed tasks, in order."""
    return [url for row in await database.fetch(_RUNS["failed_urls"], run_id) for url in row["urls"]]


async def retry_source(database: Database, run_id: RunId) -> RunId | None:
    """Return the run whose failed tasks this one retries, if it does."""
    row = await database.fetchrow(_RUNS["get"], run_id)
    return None if row is None or row["retry_of"] is None else RunId(row["retry_of"])


async def lane_of(database: Database, run_id: RunId) -> LaneName | None:
    """Return the lane of a run; ``None`` when there is no such run."""
    row = await database.fetchrow(_RUNS["get"], run_id)
    return None if row is None else LaneName(row["lane"])


async def of_request(database: Database, request: UUID) -> RunId | None:
    """Return the run that a request by hand opened; ``None`` when it opened none."""
    run_id: int | None = await database.fetchval(_RUNS["by_request"], request)
    return None if run_id is None else RunId(run_id)


async def has_ended(database: Database, run_id: RunId) -> bool:
    """Say whether the run is ``ended``."""
    row = await database.fetchrow(_RUNS["get"], run_id)
    return row is not None and row["status"] == RunStatus.ENDED


async def age(database: Database, run_id: RunId) -> float:
    """Return the seconds since the run could be opened: since its row was written or the crawl's earlier run ended."""
    seconds: float | None = await database.fetchval(_RUNS["free_for"], run_id)
    return 0.0 if seconds is None else seconds


async def this_minute(database: Database) -> datetime:
    """Return the start of the database's current minute."""
    minute: datetime = await database.fetchval(_RUNS["this_minute"])
    return minute


async def stale_openings(database: Database, *, after: float = RESUME_OPENING_AFTER) -> list[RunId]:
    """Return runs whose opening was begun and not finished, and whose turn it is.

    Of a crawl's runs that wait for one another only the first is among them, once none before it is left; so what a
    queued run holds is neither read nor checked before its turn.
    """
    return [RunId(row["id"]) for row in await database.fetch(_RUNS["stale_opening"], after)]


async def try_opening(database: Database, run_id: RunId, *, after: float = RESUME_OPENING_AFTER) -> int:
    """Claim one attempt at resuming an opening, so that two reapers do not both fetch its sitemap.

    Return how many attempts that makes; 0 when another has it.
    """
    return await database.fetchval(_RUNS["try_opening"], run_id, after) or 0


async def finish_begun(database: Database, *, within: float, clock: Callable[[], float]) -> int:
    """Finish what dead processes began, for about ``within`` seconds of ``clock``: cancels, and the writing of pages.

    Return how many runs that ended and how many tasks it made, together.
    """
    until = clock() + within
    ended = await run_cancel.go_on(database, until=until, clock=clock)
    return ended + await run_pages.write_left(database, until=until, clock=clock)


async def waits_for(database: Database, run_id: RunId) -> RunId | None:
    """Return the earlier run of its crawl that is not ended yet, if any."""
    blocker: int | None = await database.fetchval(_RUNS["blocker"], run_id)
    return None if blocker is None else RunId(blocker)
