"""Every hot query stays on its index with a million finished tasks beside the few that are waiting."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from support.ledger import LANE, all_ready, complete, open_run, urls, value
from support.postgres import TEMPLATE, with_database
from trapline_common.config.models import LaneConfig
from trapline_common.ledger import lanes, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

LARGE = "trapline_large"
FINISHED = 1_000_000
TABLES = {"task", "page", "observation", "alert", "delivery", "invocation", "run"}
BUILD = """
    SET session_replication_role = replica;  -- the guards would refuse rows that were never anything but finished
    INSERT INTO trapline.lane VALUES ('default', 20, 25, 3, 0);
    INSERT INTO trapline.run (crawl, lane, status, outcome, config, fingerprint, opened_at, ended_at)
        SELECT 'old-' || n % 50, 'default', 'ended', 'completed', '{}', '', now(), now()
        FROM generate_series(1, 2000) n;
    INSERT INTO trapline.page (crawl, url) SELECT 'old', 'https://old.example/' || n FROM generate_series(1, 50000) n;
    INSERT INTO trapline.invocation (lane, slot, status, owner, running_at, heartbeat_at, ended_at)
        SELECT 'default', n % 1000 + 1, 'succeeded', gen_random_uuid(), at, at, at
        FROM generate_series(1, 40000) n, LATERAL (SELECT now() - n * interval '1 s' AS at) t;
    INSERT INTO trapline.task (run_id, lane, url, page_id, status, lease_seq, ended_at)
        SELECT n % 2000 + 1, 'default', 'https://old.example/' || n, n % 50000 + 1,
            (CASE n % 50 WHEN 0 THEN 'failed' ELSE 'done' END)::trapline.task_status, 1, now()
        FROM generate_series(1, {finished}) n;
    INSERT INTO trapline.observation (task_id, position, run_id, page_id, url, redirects, timings, fields, changed,
            console_errors)
        SELECT n, 0, n % 2000 + 1, n % 50000 + 1, 'https://old.example/', 0, '{}', '{}', false, 0
        FROM generate_series(1, 200000) n;
    INSERT INTO trapline.alert (kind, crawl, run_id, payload, status, sent_at)
        SELECT 'change', 'old', n % 2000 + 1, '{}', 'sent', now() FROM generate_series(1, 100000) n;
    INSERT INTO trapline.channel (name) VALUES ('chat'), ('away');
    INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at, message_id)
        SELECT n, 'chat', 'page ' || n % 50000 + 1, 'sent', now(), n FROM generate_series(1, 100000) n;
    INSERT INTO trapline.alert (kind, crawl, run_id, page_id, payload, spread_at)
        SELECT 'change', 'old', n % 2000 + 1, n, '{}', now() FROM generate_series(1, 10000) n;
    INSERT INTO trapline.delivery (alert_id, channel, thread, message_id, next_try_at)
        SELECT a.id, c, 'page ' || a.page_id, CASE WHEN a.page_id % 10 = 0 THEN a.page_id / 200 END,
            now() + a.page_id % 3 * interval '1 h'
        FROM trapline.alert a, unnest('{chat,away}'::text[]) c WHERE a.status = 'due';
    RESET session_replication_role;
    ANALYZE;
"""


STATEMENTS = {
    r"(SELECT i\.status = 'ready' .*?) INTO mine (FROM .*?);": {"invocation_pkey", "invocation_slot"},
    r"AND NOT EXISTS \((.*?LIMIT 1)\)": {"task_waiting"},
    r"(SELECT array_agg.*?) INTO ids, rescued (FROM .*?);": {"task_waiting"},
    r"(WITH leased AS .*?);": {"task_pkey", "page_pkey"},
}
"""The statements of ``lease_share``, and the indexes that each reads."""
ID = "gen_random_uuid()"
QUERIES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "lanes.load": ((f"'{LANE}'",), {"task_waiting", "invocation_slot", "invocation_started"}),
    "lanes.busy_lanes": ((), {"task_waiting"}),
    "invocations.insert_missing": ((f"'{LANE}'", "3", "0", "0"), {"invocation_slot"}),
    "invocations.unasked": (("20",), {"invocation_slot"}),
    "invocations.orphan": ((f"'{LANE}'", "330", "45"), {"invocation_slot"}),
    "invocations.succeed": ((ID, ID, "''"), {"invocation_pkey", "task_leases"}),
    "tasks.start": (("1", "1", ID, "''"), {"task_leases"}),
    "tasks.start_if_host_recovers": (("1", "1", ID, "''", "30"), {"task_leases"}),
    "tasks.retry": (("1", "1", ID, "''", "''", "1"), {"task_leases"}),
    "tasks.hand_back": ((ID,), {"task_leases"}),
    "tasks.exhausted": ((f"'{LANE}'", "2", "4"), {"task_leases"}),
    "tasks.rescue": ((f"'{LANE}'", "2", "4", "2", "2000", "5"), {"task_leases", "task_pkey"}),
    "tasks.lanes_to_reap": ((), {"task_leases", "task_waiting"}),
    "tasks.soonest": ((f"'{LANE}'",), {"task_waiting"}),
    "tasks.due": ((f"'{LANE}'",), {"task_waiting"}),
    "runs.open_tasks": (("1",), {"task_open"}),
    "runs.endable": ((), {"run_unended", "task_open"}),
    "runs.earlier_unended": (("'docs'", "100"), {"run_unended"}),
    "runs.stale_opening": (("60",), {"run_unended"}),
    "alerts.due": ((), {"alert_unspread", "delivery_untold", "delivery_again"}),
    "deliveries.untold": (("'chat'", "200"), {"delivery_untold", "alert_pkey"}),
    "deliveries.again": (("'chat'",), {"delivery_again", "delivery_thread"}),
    "deliveries.attempt": (("'chat'", ID, "'{100001,100002}'", "'m'", "60"), {"delivery_pkey", "alert_pkey"}),
}
"""Query, arguments, and the indexes it must read."""


@pytest.fixture(scope="module")
def large(postgres: str) -> Iterator[str]:
    """DSN of a ledger with a million finished tasks, and a run of 200 of which some are leased; made in seconds."""
    asyncio.run(_build(postgres))
    yield with_database(postgres, LARGE)
    asyncio.run(_drop(postgres))


async def _build(postgres: str) -> None:
    async with await Database.connect(postgres) as server:
        await server.connection.execute(f"CREATE DATABASE {LARGE} TEMPLATE {TEMPLATE}")
    async with await Database.connect(with_database(postgres, LARGE)) as database:
        await database.connection.execute(BUILD.replace("{finished}", str(FINISHED)), timeout=120)
        await open_run(database, urls(200), lane=LaneConfig(max_invocations=4))
        for held in (await all_ready(database))[:2]:
            await tasks.lease_share(database, held, share=25, another=False)
        await database.connection.execute("ANALYZE")


async def _drop(postgres: str) -> None:
    async with await Database.connect(postgres) as server:
        await server.connection.execute(f"DROP DATABASE {LARGE}")


@pytest.fixture
async def full(large: str) -> AsyncIterator[Database]:
    """A connection to the large ledger, shared by the tests of this file."""
    async with await Database.connect(large) as database:
        yield database


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


async def _plan(database: Database, sql: str, arguments: tuple[str, ...]) -> list[dict[str, Any]]:
    await database.connection.execute(f"PREPARE hot AS {sql}")
    call = f"EXECUTE hot ({', '.join(arguments)})" if arguments else "EXECUTE hot"
    found = json.loads(await value(database, f"EXPLAIN (FORMAT JSON) {call}"))
    return _nodes(found[0]["Plan"])


def _scanned(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & TABLES


def _indexes(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["Index Name"] for node in nodes if "Index Name" in node}


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", QUERIES)
async def test_a_hot_query_reads_its_indexes_only(full: Database, name: str, mode: str) -> None:
    """With its arguments known or not, the planner takes the partial indexes and scans no table."""
    file, query = name.split(".")
    arguments, wanted = QUERIES[name]
    await full.connection.execute(f"SET plan_cache_mode = {mode}")
    nodes = await _plan(full, load(file)[query].sql, arguments)
    assert _scanned(nodes) == set()
    assert wanted <= _indexes(nodes)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_the_lease_reads_the_waiting_tasks_in_the_indexs_order(full: Database, statement: str) -> None:
    """The pick is the partial index read in its order, and the leased tasks and their pages are read by their keys."""
    source = re.sub(r"--.*|\s+", " ", await value(full, "SELECT prosrc FROM pg_proc WHERE proname = 'lease_share'"))
    found = re.search(statement, re.sub(r" +", " ", source))
    assert found is not None
    sql = " ".join(found.groups()).replace("mine.idle", "$6::bigint")
    for name, typed in (("caller", "$1::uuid"), ("token", "$2::uuid"), ("of_lane", "$3::text"), ("share", "$4::int"),
                        ("another", "$5::bool"), ("ids", "$7::bigint[]")):  # fmt: skip
        sql = re.sub(rf"\b{name}\b", typed, sql)
    await full.connection.execute("SET plan_cache_mode = force_generic_plan")  # as the function does
    await full.connection.execute("PREPARE hot (uuid, uuid, text, int, bool, bigint, bigint[]) AS " + sql)
    call = f"EXECUTE hot ({ID}, {ID}, '{LANE}', 25, true, 1, '{{1,2}}')"
    nodes = _nodes(json.loads(await value(full, f"EXPLAIN (FORMAT JSON) {call}"))[0]["Plan"])
    assert _scanned(nodes) == set()
    assert _indexes(nodes) - {"lane_pkey"} == STATEMENTS[statement]  # of a few lanes it may read all
    assert "Sort" not in {
        child["Node Type"] for node in nodes if node["Node Type"] == "LockRows" for child in _nodes(node)
    }


READ = """
    SELECT sum(seq_tup_read)::int, sum(idx_tup_fetch)::int
    FROM pg_stat_xact_user_tables WHERE schemaname = 'trapline' AND relname = ANY ($1)
"""


async def test_a_share_reads_no_more_than_its_own_rows(full: Database) -> None:
    """A lease of 25 and their completions read a few rows for each task, none by a scan, in a full ledger."""
    await lanes.put_lane(full, LANE, LaneConfig(max_invocations=8))
    held = (await all_ready(full))[0]
    async with full.transaction():
        share = await tasks.lease_share(full, held, share=25, another=False)
        for task in share:
            await complete(full, task)
        scanned, fetched = await full.connection.fetchrow(READ, sorted(TABLES))
    assert len(share) == 25
    assert scanned == 0
    assert fetched < 25 * 20  # 374; through an index of leases by invocation alone it was 674
