"""The every-minute tick: it finds all that was killed, lost or forgotten."""

import time
from functools import partial
from typing import NamedTuple

from trapline_common.domain.answers import Reaped
from trapline_common.ledger import hosts, invocations, lanes, mutes, rescue, retention, run_archive, runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.archive_runs import Archived, archive_runs
from trapline_dispatcher.maintenance.artifact_retention import NOTHING_SWEPT, Swept, sweep_artifacts
from trapline_dispatcher.maintenance.current_crawls import note_crawls
from trapline_dispatcher.maintenance.lane_limits import refresh_lanes
from trapline_dispatcher.maintenance.notifier_nudge import nudge_notifier
from trapline_dispatcher.maintenance.sleeping import arrive, fall_asleep
from trapline_dispatcher.orchestration.asking import ask_all
from trapline_dispatcher.orchestration.count_lanes import count_each
from trapline_dispatcher.orchestration.self_invoking import InvokeOutcome
from trapline_dispatcher.runs.opening import resume
from trapline_dispatcher.runs.telling_ends import announce_ends, answer_waiters
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def reap(services: Services, database: Database) -> Reaped:
    """Rescue, end, ask again, count, sweep, resume, archive, retire; return what was done, in numbers.

    Each lane, each run and each job is by itself: one that raises stops nothing else, and is raised when the rest is
    done. What fetches or uploads comes last: the count must not wait for a sitemap or for the archive. The count starts
    a fresh chain of nudges (hop 0).
    """
    async with SeparateJobs(database, connect=services.connect) as jobs:
        done = await _reap(services, jobs)
        if any(done.counts.values()):
            _log.info("reaped", **done.counts)
        jobs.tell()
    return done


async def _reap(services: Services, jobs: SeparateJobs) -> Reaped:
    seen = None
    if services.tick is not None:
        # Before anything is found that would be work for the next tick.
        seen = await jobs.run("wake up", partial(arrive, services.tick), instead=None)
    rescued = await rescue.reap_lanes(
        jobs,
        location=services.location,
        pending_ttl=services.timeouts.pending_ttl,
        heartbeat_ttl=services.timeouts.heartbeat_ttl,
    )
    ended = await runs.end_all_done(jobs)
    await jobs.run(
        "finish what was begun",
        partial(runs.finish_begun, within=services.timeouts.finish_within, clock=time.monotonic),
        instead=0,
    )
    # Before anything is asked for: a lowered cap binds at once.
    await jobs.run("limits of lanes", partial(refresh_lanes, services), instead=0)
    await jobs.run("crawls of the config", partial(note_crawls, services), instead=None)
    asked_again = await jobs.run("ask again", partial(_ask_again, services), instead=0)
    busy = await jobs.find("look for busy lanes", lanes.busy_lanes)
    asked = await count_each(services, jobs, busy)
    answered = await jobs.run("answer who waits", partial(answer_waiters, services), instead=0)
    told = await jobs.run("announce ends", partial(announce_ends, services), instead=0)
    await jobs.run("mutes that are over", mutes.end_over, instead=0)
    await jobs.run("forget hosts", hosts.forget, instead=None)
    await jobs.run("sweep alerts", partial(nudge_notifier, services), instead=None)
    resumed = await _resume(services, jobs)
    archived = await jobs.run("archive", partial(_archive, services), instead=0)
    retired = await jobs.run("retire", partial(_retire, services), instead=0)
    swept = await jobs.run("sweep artifacts", partial(_sweep, services), instead=NOTHING_SWEPT)
    if services.tick is not None and seen is not None and not jobs.faults:
        await jobs.run("sleep", partial(fall_asleep, services, services.tick, seen=seen), instead=False)
    return Reaped(
        orphaned=len(rescued.orphaned),
        returned=len(rescued.returned),
        poisoned=len(rescued.poisoned),
        ended=ended,
        asked_again=asked_again,
        resumed=resumed.runs,
        asked=asked + resumed.asked,
        archived=archived,
        retired=retired,
        artifacts_deleted=swept.deleted,
        artifacts_put_again=swept.put_again,
        answered=answered,
        told=told,
    )


class _Resumed(NamedTuple):
    """The counts of one tick's work on runs that are ``opening``."""

    runs: int
    """How many were filled with tasks."""
    asked: int
    """Invocations that their lanes were missing then."""


async def _ask_again(services: Services, database: Database) -> int:
    unasked = await invocations.unasked(database, again_after=services.timeouts.ask_again_after)
    outcomes = await ask_all(services, database, unasked)
    return len(outcomes) - outcomes.count(InvokeOutcome.NOT_OURS)


async def _resume(services: Services, jobs: SeparateJobs) -> _Resumed:
    """Resume openings for a bounded time, and count the lane of each that got tasks."""
    until = time.monotonic() + services.timeouts.resume_within
    stale = await jobs.find(
        "look for openings", partial(runs.stale_openings, after=services.timeouts.resume_opening_after)
    )
    filled = asked = 0
    refused = False
    for run_id in stale:
        if time.monotonic() >= until:
            break
        opening = await jobs.run(f"opening of run {run_id}", partial(resume, services, run_id=run_id), instead=None)
        if opening is None:
            continue
        refused = refused or opening.pages_refused is not None
        if opening.tasks is not None:
            filled += 1
            asked += await count_each(services, jobs, [opening.lane])
    if refused:
        await jobs.run("sweep alerts", partial(nudge_notifier, services), instead=None)
    return _Resumed(runs=filled, asked=asked)


async def _archive(services: Services, database: Database) -> int:
    if services.archive is None:
        return 0
    archived: Archived = await archive_runs(services.archive, database)
    if archived.failed is not None:
        raise archived.failed
    return archived.runs


async def _retire(services: Services, database: Database) -> int:
    """Delete what has been kept long enough, last of all and for a bounded time; return how many rows.

    Runs that are kept longer only because the archive has not taken them are logged: they fill the database.
    """
    if services.retention is None:
        return 0
    if services.retention.archived_only:
        waiting = await run_archive.waiting(database, days=services.retention.days)
        if waiting:
            _log.error("retention_waits", runs=waiting, reason="they are not archived yet")
    within = services.timeouts.retire_within
    return (await retention.retire(database, services.retention, within=within, clock=time.monotonic)).rows


async def _sweep(services: Services, database: Database) -> Swept:
    if services.keeping is None:
        return NOTHING_SWEPT
    within = services.timeouts.sweep_within
    return await sweep_artifacts(services.keeping, database, within=within, clock=time.monotonic)
