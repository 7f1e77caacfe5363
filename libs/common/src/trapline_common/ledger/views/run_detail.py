"""What one run found: the totals of its visits, its failures, changes and alerts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.pictures import PictureRow, read_picture_row
from trapline_common.ledger.views.row import read
from trapline_common.ledger.views.runs import RunRow, check_kept, run_config
from trapline_common.ledger.views.together import Read, only_row_of, read_alone

_QUERIES = load("views/run_detail")

_REASONS = 5
"""Reasons of muted alerts that are shown."""
MUTED = "muted"
"""The status of an alert that the crawl's ``alert`` leaves out: it is recorded, and sent to no one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A run's visits in numbers."""

    pages: int
    """Visits: pages that were loaded, or tried."""
    bytes: int | None
    """Bytes over the wire; ``None`` where nothing was measured."""
    median_ms: float | None
    """How long a visit took, in milliseconds: the median."""
    p95_ms: float | None
    """The 95th percentile of the same."""
    screenshots: int
    """Visits that kept a screenshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRow:
    """A visit that failed, or a task that ended ``failed`` unvisited."""

    url: str
    """The page, as the task names it."""
    reason: str
    """The kind of failure, one word of ``observation.Reason``."""
    detail: str | None
    """The same in one line, for a person."""
    status: int | None
    """The HTTP status, if there was an answer."""
    final_url: str | None
    """Where redirects led."""
    attempts: int | None
    """Attempts within the run; ``None`` when the task is no longer kept."""
    at: datetime
    """When it failed."""
    screenshot: str | None
    """The artifact key of the screenshot."""
    html: str | None
    """The artifact key of the page's HTML."""

    @property
    def text(self) -> str:
        """Return the failure in one line: its reason, and the detail behind a colon."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """A page that a run found changed."""

    url: str
    """The page."""
    title: str | None
    """Its title now."""
    at: datetime
    """When it was observed."""
    picture: PictureRow | None
    """What its picture is; ``None``: the crawl compares no pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UncomparedRow:
    """A good visit whose picture could not be compared."""

    url: str
    """The page."""
    picture: PictureRow
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCount:
    """The alerts of one kind and status that a run caused."""

    kind: str
    """``failure``, ``change``, ``recovery``, ``summary``."""
    status: str
    """``due``, ``sent``, ``refused`` or ``muted``."""
    count: int
    """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetail:
    """A run with what it found."""

    run: RunRow
    """The run itself and its progress."""
    totals: Totals
    """Its visits in numbers."""
    failures: tuple[FailureRow, ...]
    """The first failures, as many as were asked for."""
    changes: tuple[ChangeRow, ...]
    """The first changes, as many as were asked for."""
    uncompared: tuple[UncomparedRow, ...]
    """The first pictures that could not be compared, as many as were asked for."""
    alerts: tuple[AlertCount, ...]
    """Its alerts by kind and status."""
    muted: tuple[str, ...]
    """Why alerts of it were told to nobody, where a person mutes or knows: the first few reasons."""
    config: dict[str, Any]
    """The run's frozen config."""
    executions: tuple[str, ...]
    """ARNs of the executions of Step Functions that wait, or waited, for its end."""


def _change(row: asyncpg.Record) -> ChangeRow:
    return ChangeRow(url=row["url"], title=row["title"], at=row["at"], picture=read_picture_row(row["visual"]))


def _uncompared(row: asyncpg.Record) -> UncomparedRow:
    picture = read_picture_row(row["visual"])
    assert picture is not None, "the query asks for an outcome"
    return UncomparedRow(url=row["url"], picture=picture)


async def run_detail(database: Database, run: RunRow, *, limit: int) -> RunDetail:
    """Return what a run found, with at most ``limit`` failures and ``limit`` changes.

    Raises ``InputRefusedError`` when retention deleted the run meanwhile.
    """
    detail = RunDetail(
        run=run,
        totals=await run_totals(database, run.id),
        failures=await run_failures(database, run.id, limit=limit),
        changes=tuple([_change(row) for row in await database.fetch(_QUERIES["changes"], run.id, limit)]),
        uncompared=tuple([_uncompared(row) for row in await database.fetch(_QUERIES["uncompared"], run.id, limit)]),
        alerts=await run_alerts(database, run.id),
        muted=tuple(row["reason"] for row in await database.fetch(_QUERIES["muted"], run.id, _REASONS)),
        config=await run_config(database, run.id),
        executions=tuple(row["execution"] for row in await database.fetch(_QUERIES["executions"], run.id)),
    )
    await check_kept(database, run.id)
    return detail


def totals_of(run_id: int) -> Read[Totals]:
    """Read a run's visits in numbers."""
    return Read(query=_QUERIES["totals"], arguments=(run_id,), made=only_row_of(Totals))


async def run_totals(database: Database, run_id: int) -> Totals:
    """Return a run's visits in numbers."""
    return await read_alone(database, totals_of(run_id))


async def run_failures(database: Database, run_id: int, *, limit: int | None = None) -> tuple[FailureRow, ...]:
    """Return a run's failures in the order in which they happened, at most ``limit``; ``None``: all of them."""
    return tuple(read(FailureRow, row) for row in await database.fetch(_QUERIES["failures"], run_id, limit))


async def run_alerts(database: Database, run_id: int) -> tuple[AlertCount, ...]:
    """Return how many alerts a run caused, by kind and status."""
    return tuple(read(AlertCount, row) for row in await database.fetch(_QUERIES["run_alerts"], run_id))
