"""Whoever waits with a task token hears the end, of an invocation or of a run: after the commit, at least once."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import InvocationId, LaneName, RunId
from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.domain.messages import VERSION
from trapline_common.domain.ports import Waiters
from trapline_common.ledger import tasks
from trapline_common.ledger.announcing import run_ended
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.platform.logging import get_logger

_INVOCATIONS = load("invocations")
_WAITERS = load("waiters")
_log = get_logger("answering")

IN_ORDER = frozenset({InvocationStatus.SUCCEEDED, InvocationStatus.TERMINATED})
"""Ends that are told as a success."""

WITHIN = 15.0
"""Seconds of one call after which no further waiter is answered: the next reap tick goes on."""

_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


async def note_token(database: Database, invocation_id: InvocationId, token: str) -> None:
    """Note who waits for an invocation's end, before it becomes ``ready``: then no crash leaves it unanswered.

    The newest token counts.
    """
    await database.fetch(_INVOCATIONS["note_token"], invocation_id, token)


async def answer(
    database: Database,
    waiters: Waiters,
    invocation_id: InvocationId | None = None,
    *,
    settled: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Tell the end of one invocation, or of all that ended ``settled`` seconds ago, to who waits; return of how many.

    An end in order is a success, whose output says whether tasks are ``due`` in the lane; any other is a failure, its
    name the status. What can't be told for now is logged, and the next reap tick tells it. Raises
    ``LedgerUnavailableError``.
    """
    until, behind, told = clock() + WITHIN, _FIRST, 0
    while rows := await database.fetch(_INVOCATIONS["unanswered"], invocation_id, *behind, settled):
        for row in rows:
            behind = (row["ended_at"], row["id"])
            status = InvocationStatus(row["status"])
            output: dict[str, Any] = {"v": VERSION, "invocation_id": str(row["id"]), "status": status}
            if status in IN_ORDER:
                output["due"] = await tasks.due(database, LaneName(row["lane"]))
            else:
                output["reason"] = row["reason"]
            error = None if status in IN_ORDER else str(status)
            if await _told(waiters, row["task_token"], output, error=error, invocation_id=str(row["id"])):
                await database.fetch(_INVOCATIONS["answered"], row["id"], row["task_token"])
                told += 1
            if clock() >= until:
                return told
    return told


async def await_run(database: Database, run_id: RunId, token: str, execution: str | None = None) -> None:
    """Note that somebody waits for a run's end; who notes it answers at once if the run has ended by then.

    ``execution``: the waiting execution's ARN, if it is known.
    """
    await database.fetch(_WAITERS["wait"], run_id, token, to_text(execution))


async def answer_runs(
    database: Database,
    waiters: Waiters,
    run_id: RunId | None = None,
    *,
    settled: float = 0.0,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Tell the end of one run, or of all that ended ``settled`` seconds ago, to who waits; return how many were told.

    Every outcome is told as a success: who waits decides what a failure is. As ``answer`` in all else.
    """
    until, behind, told = clock() + WITHIN, (0, ""), 0
    while rows := await database.fetch(_WAITERS["unanswered"], run_id, *behind, settled):
        for row in rows:
            behind = (row["run_id"], row["token"])
            if await _told(waiters, row["token"], run_ended(row).body(), error=None, run_id=row["run_id"]):
                await database.fetch(_WAITERS["answered"], row["run_id"], row["token"])
                told += 1
            if clock() >= until:
                return told
    return told


async def _told(waiters: Waiters, token: str, output: dict[str, Any], *, error: str | None, **about: object) -> bool:
    """Say whether the waiter needs no further call: it was told, or no call will ever tell it."""
    try:
        await waiters.answer(token, output, error=error)
    except RefusedError as refused:
        _log.error("waiter_unknown", reason=str(refused), **about)
    except TransientError as failed:
        _log.warning("waiter_not_answered", reason=str(failed), **about)
        return False
    return True
