"""Tasks and invocations as tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from trapline.render.local_time import minute
from trapline.render.table_cells import Cell, Row, state_cell, unless_zero
from trapline.render.table_layout import Column
from trapline_common.domain.lifecycle import ACTIVE, TaskStatus
from trapline_common.domain.via import Via
from trapline_common.ledger.views.invocations import InvocationRow
from trapline_common.ledger.views.tasks import TaskRow
from trapline_common.platform.text import ago, duration, largest_unit

T = TypeVar("T")

_TASK_COLUMNS = (
    Column(title="TASK", right=True),
    Column(title="RUN", right=True),
    Column(title="CRAWL", flexible=True, spare=True, least=12),
    Column(title="STATE"),
    Column(title="RETRIES", right=True, spare=True),
    Column(title="RESCUES", right=True, spare=True),
    Column(title="WHEN"),
    Column(title="URL", flexible=True, middle=True),
    Column(title="REASON", flexible=True, least=20),
)
_INVOCATION_COLUMNS = (
    Column(title="INVOCATION"),
    Column(title="LANE", flexible=True, least=10),
    Column(title="SLOT", right=True, spare=True),
    Column(title="STATE"),
    Column(title="ASKED", spare=True),
    Column(title="TOOK", right=True),
    Column(title="HEARTBEAT"),
    Column(title="TASKS", right=True),
    Column(title="STALE", right=True, spare=True),
    Column(title="REPEATS", right=True, spare=True),
    Column(title="REASON", flexible=True, least=16),
    Column(title="WHERE", flexible=True, spare=True),
)
_WAVE_COLUMNS = (Column(title="VIA"), Column(title="WAVE", spare=True))
"""Between STATE and ASKED, where one of the invocations was asked for in another way than by the dispatcher alone."""
_BEFORE_WAVE = 4
_SHORT_ID = 8


def task_table(tasks: Sequence[TaskRow], now: datetime) -> tuple[Sequence[Column], list[Row]]:
    """Return the columns and a row per task; ``now`` is the database's."""
    return _TASK_COLUMNS, [_task(task, now) for task in tasks]


def invocation_table(invocations: Sequence[InvocationRow], now: datetime) -> tuple[Sequence[Column], list[Row]]:
    """Return the columns and a row per invocation; ``now`` is the database's."""
    rows = [_invocation(invocation, now) for invocation in invocations]
    if all(invocation.via == Via.EVENT for invocation in invocations):
        return _INVOCATION_COLUMNS, rows
    return _with(_INVOCATION_COLUMNS, _WAVE_COLUMNS), [
        _with(row, (invocation.via, "" if invocation.wave is None else str(invocation.wave)[:_SHORT_ID]))
        for row, invocation in zip(rows, invocations, strict=True)
    ]


def _with(row: Sequence[T], more: Sequence[T]) -> tuple[T, ...]:
    return (*row[:_BEFORE_WAVE], *more, *row[_BEFORE_WAVE:])


def _task(task: TaskRow, now: datetime) -> Row:
    url = task.url if task.pages == 1 else f"{task.url} (page {min(task.position + 1, task.pages)} of {task.pages})"
    return (
        str(task.id),
        str(task.run_id),
        task.crawl,
        state_cell(task.status),
        unless_zero(task.attempts),
        unless_zero(task.rescues),
        _when(task, now),
        url,
        Cell(text=_why(task.reason, task.detail), style="" if task.status == TaskStatus.DONE else "yellow"),
    )


def _when(task: TaskRow, now: datetime) -> str:
    """Return when a task ended, was leased, or is due."""
    if task.ended_at is not None:
        return ago(task.ended_at, now)
    if task.status == TaskStatus.LEASED:
        return ago(task.started_at or task.leased_at, now)
    if task.run_at > now:
        return f"due {ago(task.run_at, now)}"
    return f"waits {largest_unit((now - task.run_at).total_seconds())}"


def _invocation(invocation: InvocationRow, now: datetime) -> Row:
    active = invocation.status in ACTIVE
    took = ((invocation.ended_at or now) - invocation.created_at).total_seconds()
    return (
        str(invocation.id)[:_SHORT_ID],
        invocation.lane,
        invocation.slot,
        state_cell(invocation.status),
        minute(invocation.created_at),
        duration(took),
        ago(invocation.heartbeat_at, now) if active else "",
        invocation.leased if active else None,
        unless_zero(invocation.stale),
        unless_zero(invocation.duplicates),
        _why(invocation.reason, invocation.detail),
        invocation.place,
    )


def _why(reason: str | None, detail: str | None) -> str:
    return ": ".join(part for part in (reason, detail) if part)
