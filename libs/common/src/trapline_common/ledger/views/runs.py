"""Runs with their progress: lists, one run, and its frozen config."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, column_of, read_alone, rows_of

_QUERIES = load("views/runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run and its progress."""

    id: int
    """The run's number."""
    crawl: str
    """The crawl it is an execution of."""
    lane: str
    """The lane whose invocations work on it."""
    status: str
    """``opening``, ``open`` or ``ended``."""
    outcome: str | None
    """How it ended: ``completed``, ``skipped``, ``refused`` or ``cancelled``; ``None`` until then."""
    reason: str | None
    """Why it was skipped, refused or cancelled; of any other run what was left out of its sitemap, if anything."""
    scheduled_for: datetime | None
    """The tick that opened it; ``None`` for a run that was opened by hand."""
    retry_of: int | None
    """The run whose failed tasks it retries; of a run of one page the run before."""
    page_id: int | None
    """The one page that it visits; ``None``: the crawl's pages, or those that failed in ``retry_of``."""
    acted_by: str | None
    """Who opened it by hand, where that is known."""
    created_at: datetime
    """When its row was written."""
    opened_at: datetime | None
    """When its tasks were written."""
    ended_at: datetime | None
    """When it ended."""
    seconds: float
    """From ``created_at`` to its end, or until now."""
    waiting: int
    """Tasks in ``created``; 0 once the run has ended."""
    leased: int
    """Tasks that an invocation holds; 0 once the run has ended."""
    done: int
    """Tasks that ended ``done``."""
    failed: int
    """Tasks that ended ``failed``."""
    changes: int
    """Accepted changes of pages."""

    @property
    def tasks(self) -> int:
        """Return how many tasks the run has."""
        return self.waiting + self.leased + self.done + self.failed

    @property
    def tasks_ended(self) -> int:
        """Return how many tasks have ended, well or not."""
        return self.done + self.failed


def newest_runs(
    *,
    limit: int,
    crawl: str | None = None,
    lane: str | None = None,
    status: str | None = None,
    failed: bool = False,
    before: int | None = None,
) -> Read[tuple[RunRow, ...]]:
    """Read runs, newest first. ``status`` is a status or an outcome; ``failed``: with a failed task, or refused.

    ``before``: the number of the last one that was shown.
    """
    arguments = (None, crawl, lane, status, failed, limit, before)
    return Read(query=_QUERIES["runs"], arguments=arguments, made=rows_of(RunRow))


async def list_runs(
    database: Database,
    *,
    limit: int,
    crawl: str | None = None,
    lane: str | None = None,
    status: str | None = None,
    failed: bool = False,
) -> tuple[RunRow, ...]:
    """Return runs as ``newest_runs`` reads them."""
    return await read_alone(database, newest_runs(limit=limit, crawl=crawl, lane=lane, status=status, failed=failed))


def runs_of(run_ids: Sequence[int]) -> Read[dict[int, RunRow]]:
    """Read the runs among ``run_ids`` that exist."""
    given = list(run_ids)
    return Read(
        query=_QUERIES["runs"],
        arguments=(given, None, None, None, False, len(given), None),
        made=lambda rows: {row.id: row for row in rows_of(RunRow)(rows)},
    )


def unended() -> Read[tuple[int, ...]]:
    """Read the runs that have not ended, oldest first."""
    return Read(query=_QUERIES["unended"], made=column_of("id", int))


async def find_run(database: Database, run_id: int) -> RunRow | None:
    """Return one run, if there is such."""
    return (await find_runs(database, [run_id])).get(run_id)


async def find_runs(database: Database, run_ids: Sequence[int]) -> dict[int, RunRow]:
    """Return the runs among ``run_ids`` that exist."""
    return await read_alone(database, runs_of(run_ids))


async def unended_runs(database: Database) -> tuple[int, ...]:
    """Return the runs that have not ended, oldest first."""
    return await read_alone(database, unended())


async def check_kept(database: Database, run_id: int) -> None:
    """Raise ``InputRefusedError`` unless the run is still there.

    A reader of several statements calls this after the last: retention deletes a run's own row before anything that
    belongs to it, so if the row is there, all that was read was whole.
    """
    if not await database.fetchval(_QUERIES["kept"], run_id):
        raise InputRefusedError(f"run {run_id} is no longer kept: it was deleted while it was read")


async def run_config(database: Database, run_id: int) -> dict[str, Any]:
    """Return a run's frozen config as it stands, whichever release froze it; empty when it is no map.

    Raises ``InputRefusedError`` when there is no such run any more.
    """
    text = await database.fetchval(_QUERIES["run_config"], run_id)
    if text is None:
        raise InputRefusedError(f"no run {run_id}")
    config = json.loads(text)
    return config if isinstance(config, dict) else {}
