"""The every-minute tick: it finds all that was killed, lost or forgotten."""

import time
from typing import NamedTuple

from trapline_common.domain.answers import Reaped
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger import hosts, invocations, lanes, rescue, retention, runs
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.archive_runs import Archived, archive_runs
from trapline_dispatcher.maintenance.lane_limits import refresh_lanes
from trapline_dispatcher.maintenance.notifier_nudge import nudge_notifier
from trapline_dispatcher.orchestration.self_invoking import InvokeOutcome, ask_all, count_and_ask
from trapline_dispatcher.runs.opening import resume
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def reap(services: Services, database: Database) -> Reaped:
    """Rescue, end, resume, ask again, count, sweep, archive, retire; return what was done, in numbers.

    One opening that can't go on, or one run that can't be archived, stops nothing else: its error, of any kind, is
    raised when the rest is done. The count starts a fresh chain of nudges (hop 0).
    """
    rescued = await rescue.reap_lanes(
        database,
        location=services.location,
        pending_ttl=services.timeouts.pending_ttl,
        heartbeat_ttl=services.timeouts.heartbeat_ttl,
    )
    ended = await runs.end_all_done(database)
    await refresh_lanes(services, database)  # before anything is asked for: a lowered cap binds at once
    unasked = await invocations.unasked(database, again_after=services.timeouts.ask_again_after)
    outcomes = await ask_all(services, database, unasked)
    resumed = await _resume(services, database)
    asked = sum([await count_and_ask(services, database, lane) for lane in await lanes.busy_lanes(database)])
    await hosts.forget(database)
    await nudge_notifier(services, database)
    archived = Archived(runs=0, failed=None)
    if services.archive is not None:  # last: writing a large run takes a while, and nothing above must wait for it
        archived = await archive_runs(services.archive, database)
    done = Reaped(
        orphaned=len(rescued.orphaned),
        returned=len(rescued.returned),
        poisoned=len(rescued.poisoned),
        ended=ended,
        asked_again=len(outcomes) - outcomes.count(InvokeOutcome.NOT_OURS),
        resumed=resumed.runs,
        asked=asked,
        archived=archived.runs,
        retired=await _retire(services, database),
    )
    if any(done.counts.values()):
        _log.info("reaped", **done.counts)
    error = resumed.failed or archived.failed
    if error is not None:
        raise error
    return done


class _Resumed(NamedTuple):
    """The counts of one tick's work on runs that are ``opening``."""

    runs: int
    """How many were filled with tasks."""
    failed: Exception | None
    """The last error of those that could not be."""


async def _retire(services: Services, database: Database) -> int:
    """Delete what has been kept long enough, last of all and for a bounded time; return how many rows."""
    if services.retention is None:
        return 0
    within = services.timeouts.retire_within
    return (await retention.retire(database, services.retention, within=within, clock=time.monotonic)).rows


async def _resume(services: Services, database: Database) -> _Resumed:
    resumed = 0
    failed: Exception | None = None
    for run_id in await runs.stale_openings(database, after=services.timeouts.resume_opening_after):
        try:
            opening = await resume(services, database, run_id)
        except LedgerUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (raised by the caller)
            failed = error
        else:
            resumed += opening is not None and opening.tasks is not None
    return _Resumed(runs=resumed, failed=failed)
