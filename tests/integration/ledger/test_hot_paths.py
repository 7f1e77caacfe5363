"""What keeps the ledger fast when it is large: the right index for every lease, and heartbeats that touch none."""

import json
import re
from typing import Any

from support.ledger import LANE, complete, one_ready, open_run, urls, value
from support.races import Connect
from trapline_common.config.models import LaneConfig
from trapline_common.store import invocations, tasks
from trapline_common.store.database import Database
from trapline_common.store.queries import load

PICK = re.compile(r"picked AS MATERIALIZED \(\s*(SELECT.*?SKIP LOCKED)\s*\)", re.DOTALL)
FINISHED = """
    INSERT INTO trapline.task (run_id, lane, url) SELECT min(r.id), 'default', 'https://old.example/' || n
    FROM trapline.run r, generate_series(1, 100000) n GROUP BY n;
    SET session_replication_role = replica;
    UPDATE trapline.task SET status = 'done', ended_at = now() WHERE url LIKE 'https://old.example/%';
    RESET session_replication_role;
    ANALYZE trapline.task;
"""


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


async def _plan(database: Database, sql: str) -> list[dict[str, Any]]:
    found = json.loads(await value(database, f"EXPLAIN (FORMAT JSON) {sql}"))
    return _nodes(found[0]["Plan"])


async def test_the_pick_reads_the_waiting_tasks_only(database: Database) -> None:
    """Beside 100,000 finished tasks a lease reads the partial index, in its order: no sort, no scan of the table."""
    await open_run(database, urls(50))
    await database.connection.execute(FINISHED)
    body = await value(database, "SELECT pg_get_functiondef('trapline.lease_share'::regproc)")
    pick = PICK.search(body)
    assert pick is not None
    sql = pick[1].replace("AND EXISTS (SELECT FROM holder)", "").replace("of_lane", "$1").replace("share", "$2")
    await database.connection.execute("SET plan_cache_mode = force_generic_plan")  # as the function does
    await database.connection.execute(f"PREPARE pick (text, int) AS {sql}")
    nodes = await _plan(database, f"EXECUTE pick ('{LANE}', 25)")
    assert [node["Index Name"] for node in nodes if "Index Name" in node] == ["task_waiting"]
    assert not {node["Node Type"] for node in nodes} & {"Sort", "Seq Scan", "Incremental Sort"}


async def test_the_count_reads_the_waiting_tasks_only(database: Database) -> None:
    """The planner's count never reads finished tasks either."""
    await open_run(database, urls(50))
    await database.connection.execute(FINISHED)
    nodes = await _plan(database, load("lanes")["load"].sql.replace("$1", f"'{LANE}'"))
    assert [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan" and "task" in str(node)] == []
    assert "task_waiting" in {node.get("Index Name") for node in nodes}


SCANS = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname IN ('task', 'page', 'observation')"


async def test_no_lease_and_no_completion_scans_a_table(database: Database, connect: Connect) -> None:
    """With 5,000 waiting tasks, whatever the statistics said when the plans were made, every access is by an index."""
    await open_run(database, urls(5_000), lane=LaneConfig(max_invocations=1))
    for analyze in ("SELECT", "ANALYZE"):
        await database.connection.execute(analyze)
        before = await _scans(database)
        client = await connect()
        held = await one_ready(client)
        for share in (1, 25, 1, 25, 1, 25, 1, 25):
            for task in await tasks.lease_share(client, held, share=share, another=True):
                await complete(client, task)
        assert await tasks.due(client, LANE)
        assert await invocations.succeed(client, held)
        await client.connection.execute("SELECT pg_stat_force_next_flush()")
        assert await _scans(database) == before


async def _scans(database: Database) -> int:
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    await database.connection.execute("SELECT pg_stat_clear_snapshot()")
    return int(await value(database, SCANS))


async def test_heartbeats_stay_hot(database: Database) -> None:
    """No heartbeat writes an index: each is a heap-only update."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    counts = "SELECT {} FROM pg_stat_user_tables WHERE relname = 'invocation' AND schemaname = 'trapline'"
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    before = await value(database, counts.format("n_tup_upd - n_tup_hot_upd"))
    for _ in range(200):
        await invocations.heartbeat(database, held)
    await database.connection.execute("SELECT pg_stat_force_next_flush()")
    assert await value(database, counts.format("n_tup_upd")) >= 200
    assert await value(database, counts.format("n_tup_upd - n_tup_hot_upd")) == before
