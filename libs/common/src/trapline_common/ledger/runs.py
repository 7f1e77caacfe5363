"""Runs: opened once per tick, filled with tasks in one transaction, ended once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from trapline_common.alerts.payloads import ReasonCount, RunFacts
from trapline_common.alerts.verdict import summary
from trapline_common.config.frozen_run import FrozenRun, failing_config, read_config
from trapline_common.config.models import CrawlConfig, LaneConfig, Overlap
from trapline_common.domain.ids import LaneName, RunId
from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.outbox import add_alert
from trapline_common.ledger.queries import load
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.platform.logging import get_logger

_RUNS = load("runs")
_INVOCATIONS = load("invocations")
_log = get_logger("runs")

RESUME_OPENING_AFTER = 60.0
"""Seconds after which an ``opening`` is stale: longer than a dispatcher takes to fetch its sitemaps."""

COPIED_AT_ONCE = 100_000
"""Pages of one COPY: each statement of a large opening ends well within the time that one may take."""


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
) -> Opening:
    """Insert a run as ``opening`` with its frozen config. Keeps guarantee 1: one tick, or one request, opens one run.

    When the crawl's last run is still open, ``overlap: skip`` ends the new one as ``skipped`` (recorded), ``queue``
    leaves it ``opening`` until the reaper finds the way free. Without ``lane`` the lane's stored limits stay.
    """
    async with database.transaction():
        await database.fetch(_RUNS["lock_crawl"], crawl.name)
        if lane is not None:
            await lanes.put_lane(database, LaneName(crawl.lane), lane)
        run_id = await database.fetchval(
            _RUNS["insert"],
            crawl.name,
            crawl.lane,
            scheduled_for,
            request,
            retry_of,
            crawl.model_dump_json(),
            fingerprint,
        )
        if run_id is None:
            row = await database.fetchrow(_RUNS["existing"], crawl.name, scheduled_for, request)
            if row is None:
                raise RuntimeError("the run that is in the way can't be seen")  # impossible: its commit was waited for
            return Opening(run_id=RunId(row["id"]), status=RunStatus(row["status"]), repeated=True)
        blocker = await database.fetchval(_RUNS["earlier_unended"], crawl.name, run_id)
        if blocker is not None and crawl.overlap is Overlap.SKIP:
            await database.fetch(_RUNS["ended"], run_id, RunOutcome.SKIPPED, f"run {blocker} was still open")
    skipped = blocker is not None and crawl.overlap is Overlap.SKIP
    if skipped:
        _log.info("run_ended", crawl=crawl.name, run_id=run_id, outcome=RunOutcome.SKIPPED, done=0, failed=0, changes=0)
    return Opening(
        run_id=RunId(run_id),
        status=RunStatus.ENDED if skipped else RunStatus.OPENING,
        repeated=False,
        blocked_by=None if blocker is None else RunId(blocker),
    )


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
        raise RuntimeError(f"run {run_id} is gone")  # impossible: a run that has a task is never deleted
    crawl = failing_config(row["config"], crawl=row["crawl"], lane=row["lane"])
    return FrozenRun(run_id=run_id, crawl=crawl, fingerprint=row["fingerprint"])


async def fill(database: Database, run_id: RunId, crawl: CrawlConfig, urls: Sequence[str]) -> int | None:
    """Write all tasks and ``opening -> open`` in one transaction; return how many tasks.

    ``None`` when there is nothing to do: the run is open or ended already, or an earlier run of the crawl is not ended.
    Two dispatchers may try at once: the lock on the run's row lets one pass.
    """
    async with database.transaction():
        await database.fetch(_RUNS["lock_crawl"], crawl.name)
        if await database.fetchval(_RUNS["lock"], run_id) != RunStatus.OPENING:
            return None
        if await database.fetchval(_RUNS["earlier_unended"], crawl.name, run_id) is not None:
            return None
        added = await _add(database, run_id, crawl, urls)
        await database.fetch(_RUNS["opened"], run_id)
    return added


async def _add(database: Database, run_id: RunId, crawl: CrawlConfig, urls: Sequence[str]) -> int:
    if not urls:
        return 0
    await database.fetch(_RUNS["stage"])
    added = 0
    for start in range(0, len(urls), COPIED_AT_ONCE):
        chunk = urls[start : start + COPIED_AT_ONCE]
        await database.copy("incoming", ("ordinal", "url"), enumerate(chunk, start))
        await database.fetch(_RUNS["add_pages"], crawl.name)
        if not crawl.ordered:
            added += await database.fetchval(_RUNS["add_tasks"], run_id, crawl.lane, crawl.priority, crawl.name)
        await database.fetch(_RUNS["unstage"])
    if crawl.ordered:
        await database.fetch(_RUNS["add_ordered_task"], run_id, crawl.lane, crawl.priority, urls[0], list(urls))
        return 1
    return added


async def enqueue(database: Database, run_id: RunId, urls: Sequence[str]) -> int | None:
    """Add tasks to an open run; return how many tasks that made (unique by run and URL); ``None``: the run is not open.

    Of an ordered crawl, the pages that the run does not hold yet become one more task, in their order. Raises
    ``ConfigUnreadableError``.
    """
    async with database.transaction():
        row = await database.fetchrow(_RUNS["hold"], run_id)
        if row is None or row["status"] != RunStatus.OPEN:
            return None
        crawl = read_config(row["config"], run_id=run_id)
        if crawl.ordered:
            known = {known["url"] for known in await database.fetch(_RUNS["ordered_urls"], run_id)}
            urls = [url for url in dict.fromkeys(urls) if url not in known]
        return await _add(database, run_id, crawl, urls)


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


async def waits_for(database: Database, run_id: RunId) -> RunId | None:
    """Return the earlier run of its crawl that is not ended yet, if any."""
    blocker: int | None = await database.fetchval(_RUNS["blocker"], run_id)
    return None if blocker is None else RunId(blocker)


async def refuse(database: Database, run_id: RunId, reason: str) -> None:
    """End a run that could not be opened, for example for a sitemap that is HTML, with its summary alert."""
    async with database.transaction():
        if await database.fetchval(_RUNS["lock"], run_id) != RunStatus.OPENING:
            return
        ended = await _end(database, run_id, RunOutcome.REFUSED, reason)
    _log_end(*ended)


async def end_if_done(database: Database, run_id: RunId) -> bool:
    """End an open run when no task is left, with its summary alert, exactly once; say whether this call did.

    Under the run's row lock and in a transaction of its own: of the last two tasks that end together, whichever commits
    later sees none left. ``enqueue`` takes the same row lock.
    """
    async with database.transaction():
        if await database.fetchval(_RUNS["lock"], run_id) != RunStatus.OPEN:
            return False
        if await database.fetchval(_RUNS["open_tasks"], run_id):
            return False
        ended = await _end(database, run_id, RunOutcome.COMPLETED, None)
    _log_end(*ended)
    return True


async def endable(database: Database) -> list[RunId]:
    """Return open runs without a task left, which a killed crawler could not end."""
    return [RunId(row["id"]) for row in await database.fetch(_RUNS["endable"])]


async def end_all_done(jobs: SeparateJobs) -> int:
    """End every open run that has no task left and that no crawler could end; return how many this call ended.

    Each is a job of its own: a run that can't be ended keeps no other open.
    """
    found = await jobs.find("look for runs that are done", endable)
    return sum([await jobs.run(f"end run {one}", partial(end_if_done, run_id=one), instead=False) for one in found])


async def cancel(database: Database, run_id: RunId) -> int | None:
    """End a run at an operator's request; its tasks end ``failed``, reason ``cancelled``. Return how many.

    Invocations that hold tasks of this run only are ``terminated``; others go on, and the fence refuses what they still
    write for it. ``None`` when there is no such run or it has ended.
    """
    row = await database.fetchrow(_RUNS["get"], run_id)
    if row is None:
        return None
    async with database.transaction():
        await lanes.lock_exclusive(database, LaneName(row["lane"]))
        if await database.fetchval(_RUNS["lock"], run_id) == RunStatus.ENDED:
            return None
        await database.fetch(_INVOCATIONS["terminate_by_run"], run_id, row["lane"])
        cancelled = await database.fetch(_RUNS["cancel_tasks"], run_id)
        ended = await _end(database, run_id, RunOutcome.CANCELLED, "cancelled by an operator")
    _log_end(*ended)
    return len(cancelled)


def _log_end(crawl: str, facts: RunFacts) -> None:
    """Log that a run ended: the process that ended it, once, after its commit. An alarm counts these events."""
    _log.info(
        "run_ended",
        crawl=crawl,
        run_id=facts.run_id,
        outcome=facts.outcome,
        done=facts.done,
        failed=facts.failed,
        changes=facts.changes,
        seconds=round(facts.seconds, 3),
    )


async def _end(database: Database, run_id: RunId, outcome: RunOutcome, reason: str | None) -> tuple[str, RunFacts]:
    row = await database.fetchrow(_RUNS["ended"], run_id, outcome, to_text(reason))
    if row is None:
        raise RuntimeError(f"run {run_id} had ended")  # impossible: the caller holds its lock and saw that it had not
    changes: int = await database.fetchval(_RUNS["changes"], run_id)
    reasons = await database.fetch(_RUNS["reasons"], run_id)
    crawl = failing_config(row["config"], crawl=row["crawl"], lane=row["lane"])
    facts = RunFacts(
        run_id=run_id,
        outcome=outcome,
        detail=reason,
        done=row["done"],
        failed=row["failed"],
        changes=changes,
        seconds=row["seconds"],
        worst=[ReasonCount(reason=r["reason"], count=r["tasks"], example=r["example"]) for r in reasons],
    )
    await add_alert(database, summary(facts, crawl.alert), crawl=crawl.name, run_id=run_id)
    return crawl.name, facts
