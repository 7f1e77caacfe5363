"""Runs that ended are told to whoever subscribed: after the commit, at least once, whoever ended them and died then."""

import asyncpg

from trapline_common.domain.errors import TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.ports import Announcer
from trapline_common.domain.run_ended import RunEnded, archive_key
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.platform.logging import get_logger

_RUNS = load("runs")
_log = get_logger("announcing")


def run_ended(row: asyncpg.Record) -> RunEnded:
    """Return the facts of a row of ``runs.untold`` or ``waiters.unanswered``."""
    facts = {key: value for key, value in row.items() if key not in {"day", "token"}}
    archive = None if row["day"] is None else archive_key(row["crawl"], row["day"], row["run_id"])
    return RunEnded.model_validate({**facts, "archive": archive})


async def announce(
    database: Database, announcer: Announcer, run_id: RunId | None = None, *, settled: float = 0.0
) -> int:
    """Announce the end of one run, or of all that ended ``settled`` seconds ago and were not; return of how many.

    What can't be announced for now is logged, and the next reap tick announces it. Raises ``LedgerUnavailableError``.
    """
    told = behind = 0
    while rows := await database.fetch(_RUNS["untold"], run_id, behind, settled):
        ended = [run_ended(row) for row in rows]
        behind = ended[-1].run_id
        try:
            await announcer.run_ended(ended)
        except TransientError as error:
            _log.warning("runs_not_announced", run_ids=[one.run_id for one in ended], reason=str(error))
        else:
            await database.fetch(_RUNS["told"], [one.run_id for one in ended])
            told += len(ended)
    return told


async def tell_nobody(database: Database) -> None:
    """Note where nobody can subscribe that no end is news any more, so that none is announced years later."""
    await database.fetch(_RUNS["tell_nobody"])
