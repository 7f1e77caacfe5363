"""The every-minute tick: whatever was killed, lost or forgotten is found here."""

import time
from typing import Any

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.messages import Drain
from trapline_common.ledger import hosts, invocations, lanes, outbox, rescue, retention, runs
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.archive_runs import archive_runs
from trapline_dispatcher.orchestration.self_invoking import Answer, ask_all, count_and_ask
from trapline_dispatcher.runs.opening import resume
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def reap(services: Services, database: Database) -> dict[str, Any]:
    """Rescue, end, resume, ask again, count, sweep, archive, retire; return what was done, in numbers.

    One opening that can't go on, or one run that can't be archived, stops nothing else: its error, whatever it is, is
    raised when the rest is done. The count starts a fresh chain of nudges (hop 0).
    """
    orphaned = returned = poisoned = asked = 0
    for lane in await lanes.busy_lanes(database):
        found = await rescue.reap_lane(
            database,
            lane,
            place=services.place,
            pending_ttl=services.limits.pending_ttl,
            heartbeat_ttl=services.limits.heartbeat_ttl,
        )
        orphaned += len(found.orphaned)
        returned += len(found.returned)
        poisoned += len(found.poisoned)
    ended = await end_runs(database)
    unasked = await invocations.unasked(database, again_after=services.limits.ask_again_after)
    answers = await ask_all(services, database, unasked)
    again = len(answers) - answers.count(Answer.NOT_OURS)
    resumed, error = await _resume(services, database)
    for lane in await lanes.busy_lanes(database):
        asked += (await count_and_ask(services, database, lane)).missing
    await hosts.forget(database)
    if await outbox.any_due(database):
        await services.nudger.nudge("notifier", Drain().event())
    archived = 0
    if services.archive is not None:  # last: writing a large run takes a while, and nothing above must wait for it
        archived, not_archived = await archive_runs(services.archive, database)
        error = error or not_archived
    retired = await _retire(services, database)
    done = {
        "orphaned": orphaned,
        "returned": returned,
        "poisoned": poisoned,
        "ended": ended,
        "asked_again": again,
        "resumed": resumed,
        "asked": asked,
        "archived": archived,
        "retired": retired,
    }
    if any(done.values()):
        _log.info("reaped", **done)
    if error is not None:
        raise error
    return done


async def end_runs(database: Database) -> int:
    """End open runs that have no task left and that no crawler could end; return how many."""
    return sum([await runs.end_if_done(database, run_id) for run_id in await runs.endable(database)])


async def _retire(services: Services, database: Database) -> int:
    """Delete what has been kept long enough, last of all and for a bounded time; return how many rows."""
    if services.retention is None:
        return 0
    within = services.limits.retire_within
    return (await retention.retire(database, services.retention, within=within, clock=time.monotonic)).rows


async def _resume(services: Services, database: Database) -> tuple[int, Exception | None]:
    resumed: int = 0
    failed: Exception | None = None
    for run_id in await runs.stale_openings(database, after=services.limits.resume_opening_after):
        try:
            opened = await resume(services, database, run_id)
        except LedgerUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (raised by the caller)
            failed = error
        else:
            resumed += opened is not None and opened.tasks is not None
    return resumed, failed
