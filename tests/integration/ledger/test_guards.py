"""The database enforces the transition tables of ``trapline_common.domain.lifecycle``.

It also enforces what a status requires of its row.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import Any

import asyncpg
import pytest

from support.ledger import LANE, one_ready, open_run, urls
from trapline_common.domain.lifecycle import (
    INVOCATION_TRANSITIONS,
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    InvocationStatus,
    RunStatus,
    TaskStatus,
)
from trapline_common.ledger import lanes, tasks
from trapline_common.ledger.connection import Database

TABLES: dict[str, Mapping[Any, frozenset[Any]]] = {
    "run": RUN_TRANSITIONS,
    "task": TASK_TRANSITIONS,
    "invocation": INVOCATION_TRANSITIONS,
}
WAY = {
    "run": {"opening": (), "open": ("open",), "ended": ("ended",)},
    "task": {"created": (), "leased": ("leased",), "done": ("leased", "done"), "failed": ("failed",)},
    "invocation": {
        "created": (),
        "pending": ("pending",),
        "ready": ("ready",),
        "running": ("ready", "running"),
        "succeeded": ("ready", "running", "succeeded"),
        "failed": ("failed",),
        "orphaned": ("orphaned",),
        "terminated": ("terminated",),
    },
}
"""A legal way from the first status to each."""
SET = {
    "run": "opened_at = now(), ended_at = CASE WHEN $1 = 'ended' THEN now() END,"
    " outcome = CASE WHEN $1 = 'ended' THEN 'completed'::trapline.run_outcome END",
    "task": "ended_at = CASE WHEN $1 IN ('done', 'failed') THEN now() END, invocation_id = gen_random_uuid(),"
    " leased_at = now(), lease_seq = lease_seq + 1",
    "invocation": "owner = gen_random_uuid(), ended_at ="
    " CASE WHEN $1 IN ('succeeded', 'failed', 'orphaned', 'terminated') THEN now() END",
}
"""What the other columns must hold, so that only the guard can refuse."""
INSERT = {
    "run": "INSERT INTO trapline.run (crawl, lane, config, fingerprint, status, opened_at, ended_at, outcome)"
    " SELECT 'docs', 'default', '{}', '', $1::text::trapline.run_status, now(),"
    " CASE WHEN $1 = 'ended' THEN now() END,"
    " CASE WHEN $1 = 'ended' THEN 'completed'::trapline.run_outcome END RETURNING id",
    "task": "INSERT INTO trapline.task (run_id, lane, url, status, invocation_id, leased_at, ended_at)"
    " SELECT min(id), 'default', gen_random_uuid()::text, $1::text::trapline.task_status, gen_random_uuid(), now(),"
    " CASE WHEN $1 IN ('done', 'failed') THEN now() END FROM trapline.run RETURNING id",
    "invocation": "INSERT INTO trapline.invocation (lane, slot, status, owner, ended_at)"
    " SELECT 'default', (random() * 1e9)::int + 1, $1::text::trapline.invocation_status, gen_random_uuid(),"
    " CASE WHEN $1 IN ('succeeded', 'failed', 'orphaned', 'terminated') THEN now() END RETURNING id",
}


async def _refused(database: Database, sql: str, *args: object) -> bool:
    try:
        await database.connection.fetchval(sql, *args)
    except asyncpg.CheckViolationError as error:
        if "may not go from" not in str(error) and "a new" not in str(error):
            raise
        return True
    return False


@pytest.mark.parametrize("table", TABLES)
async def test_code_and_database_agree_on_every_pair_of_statuses(database: Database, table: str) -> None:
    """Each pair of different statuses is legal in the database exactly when the code's table has it."""
    await open_run(database, urls(1))
    new = f"status = $1::text::trapline.{table}_status, {SET[table]}"
    update = f"UPDATE trapline.{table} SET {new} WHERE id = $2 RETURNING id"
    disagree = []
    for old, new in product(TABLES[table], repeat=2):
        if old == new:
            continue
        row = await database.connection.fetchval(INSERT[table], next(iter(TABLES[table])))
        for step in WAY[table][old]:
            await database.connection.fetchval(update, step, row)
        refused = await _refused(database, update, new, row)
        if refused == (new in TABLES[table][old]):
            disagree.append((old, new))
    assert disagree == []


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_begins_in_its_first_status(database: Database, table: str) -> None:
    """An insert in any status but the first is refused."""
    await open_run(database, urls(1))
    first, *others = TABLES[table]
    assert not await _refused(database, INSERT[table], first)
    assert [status for status in others if not await _refused(database, INSERT[table], status)] == []


def test_the_ways_cover_every_status() -> None:
    """The test of the pairs forgets no status."""
    enums: dict[str, type[StrEnum]] = {"run": RunStatus, "task": TaskStatus, "invocation": InvocationStatus}
    assert {table: list(way) for table, way in WAY.items()} == {table: list(enum) for table, enum in enums.items()}


BROKEN = {
    "run_ended": "UPDATE trapline.run SET ended_at = now()",
    "run_opened": "UPDATE trapline.run SET opened_at = NULL",
    "task_ended": "UPDATE trapline.task SET ended_at = now()",
    "task_leased": "UPDATE trapline.task SET status = 'leased', lease_seq = lease_seq + 1",
    "invocation_ended": "UPDATE trapline.invocation SET status = 'failed'",
    "invocation_owned": "UPDATE trapline.invocation SET status = 'ready'",
    "invocation_slot_check": "UPDATE trapline.invocation SET slot = 0",
    "alert_sent": "INSERT INTO trapline.alert (kind, crawl, payload, status) VALUES ('change', 'docs', '{}', 'sent')",
    "page_url_check": "INSERT INTO trapline.page (crawl, url) VALUES ('docs', repeat('x', 2049))",
    "page_visual_whole": "INSERT INTO trapline.page (crawl, url, visual_key) VALUES ('docs', 'x', 'key')",
}
"""By constraint, or by the name in which a guard refuses the same."""
ALSO_BROKEN = (
    (
        "task_ended",
        "INSERT INTO trapline.task (run_id, lane, url, ended_at) SELECT 1, 'x', 'x', now()",
    ),
    ("task_ended", "UPDATE trapline.task SET status = 'failed'"),
    ("task_leased", "UPDATE trapline.task SET status = 'leased', lease_seq = lease_seq + 1, leased_at = now()"),
    ("page_url_check", "UPDATE trapline.page SET url = repeat('x', 2049)"),
    ("page_visual_whole", "UPDATE trapline.page SET visual_key = 'key'"),
    ("page_visual_whole", "UPDATE trapline.page SET visual = '{}'"),
)


@pytest.mark.parametrize(("constraint", "sql"), [*BROKEN.items(), *ALSO_BROKEN])
async def test_a_status_requires_its_columns(database: Database, constraint: str, sql: str) -> None:
    """A terminal status has its time and only then; a lease its holder; a started invocation its owner."""
    await open_run(database, urls(1))
    await lanes.plan(database, LANE)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await database.connection.execute(sql)
    assert refused.value.constraint_name == constraint


async def test_a_leased_task_keeps_its_holder(database: Database) -> None:
    """A lease's columns can't be taken from under it."""
    await open_run(database, urls(1))
    await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    for column in ("invocation_id", "leased_at"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await database.connection.execute(f"UPDATE trapline.task SET {column} = NULL")
        assert refused.value.constraint_name == "task_leased"


async def test_the_fence_only_grows(database: Database) -> None:
    """``lease_seq`` can't be lowered, and no lease can begin without raising it."""
    await open_run(database, urls(1))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    with pytest.raises(asyncpg.CheckViolationError, match="only grows"):
        await database.connection.execute("UPDATE trapline.task SET lease_seq = 0")
    await tasks.hand_back_one(database, task.lease)
    with pytest.raises(asyncpg.CheckViolationError, match="only grows"):
        await database.connection.execute("UPDATE trapline.task SET status = 'leased'")
