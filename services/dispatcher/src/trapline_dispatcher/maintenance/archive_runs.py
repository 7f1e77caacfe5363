"""Ended runs go to the archive, by the every-minute tick: at least once each, under a key that is the run's own."""

import time
from collections.abc import Callable
from typing import NamedTuple

from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ports import Archive
from trapline_common.ledger import run_archive
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger

_log = get_logger("dispatcher")

NO_MORE_AFTER = 60.0
"""Seconds of one tick after which no further run is begun: the next tick goes on."""

GIVE_UP_AFTER = 3
"""Runs in a row that the archive did not take for now, after which a tick asks it for no further one."""


class Archived(NamedTuple):
    """What one tick did for the archive."""

    runs: int
    """How many runs were written."""
    failed: Exception | None
    """The last error of those that could not be; the caller raises it, or tells a person."""


async def archive_runs(to: Archive, database: Database, *, clock: Callable[[], float] = time.monotonic) -> Archived:
    """Archive the ended runs that are not.

    A run whose archiving was killed, or failed, is taken up again after ``run_archive.AGAIN_AFTER``, and later with
    each attempt; it stops no other. An archive that is away is not asked for every run.
    """
    until = clock() + NO_MORE_AFTER
    done = away = 0
    failed: Exception | None = None
    while clock() < until and away < GIVE_UP_AFTER and (run := await run_archive.claim(database)) is not None:
        try:
            await to.write(run.key, run_archive.parts(database, run.run_id))
        except LedgerUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (raised by the caller)
            _log.warning("run_not_archived", run_id=run.run_id, key=run.key, reason=str(error))
            failed = error
            away += isinstance(error, TransientError)
        else:
            await run_archive.mark_archived(database, run.run_id)
            done, away = done + 1, 0
    return Archived(runs=done, failed=failed)
