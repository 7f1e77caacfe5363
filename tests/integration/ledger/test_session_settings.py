"""Whatever a database's owner set for everybody, a session of ours has the settings that the ledger's SQL needs."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from support.ledger import LANE, location, make_ready, one_ready, open_run, urls, value
from support.races import until_blocked
from trapline_common.config.models import LaneConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger import lanes, rescue, tasks
from trapline_common.ledger.connection import SESSION, Database
from trapline_common.ledger.queries import Query, load

HOSTILE = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
    "statement_timeout": "100ms",
    "lock_timeout": "100ms",
    "idle_session_timeout": "50ms",
    "idle_in_transaction_session_timeout": "50ms",
    "transaction_timeout": "100ms",
    "search_path": "hostile, pg_catalog",
    "row_security": "off",
    "timezone": "Asia/Kathmandu",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "jit": "on",
}
"""What ALTER DATABASE may have set, each one against us."""
LEASES_OF_ENDED = """
    SELECT count(*) FROM trapline.task t JOIN trapline.invocation i ON i.id = t.invocation_id
    WHERE t.status = 'leased' AND i.ended_at IS NOT NULL
"""


async def spoil(dsn: str, settings: Sequence[tuple[str, str]]) -> None:
    """Set defaults for all sessions of the database."""
    connection = await asyncpg.connect(dsn)
    try:
        name = await connection.fetchval("SELECT current_database()")
        for setting, wanted in settings:
            await connection.execute(
                f"ALTER DATABASE {name} SET {setting} = {wanted if ',' in wanted else repr(wanted)}"
            )
    finally:
        await connection.close()


@asynccontextmanager
async def sessions(dsn: str, count: int) -> AsyncIterator[list[Database]]:
    """Open connections as a service does."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(await Database.connect(dsn)) for _ in range(count)]


async def test_a_session_sets_all_that_it_needs_by_itself(dsn: str) -> None:
    """With every default against it, a session has its own values, stays open and works."""
    await spoil(dsn, list(HOSTILE.items()))
    async with sessions(dsn, 1) as (one,):
        found = {name: await value(one, f"SHOW {name}") for name in SESSION}
        assert {name: shown.lower() for name, shown in found.items()} == {
            name: wanted.lower() for name, wanted in SESSION.items()
        }
        await asyncio.sleep(0.2)  # an idle session of the hostile default would be closed by now
        async with one.transaction():
            await asyncio.sleep(0.2)
            assert await value(one, "SHOW transaction_isolation") == "read committed"
        assert await open_run(one, urls(3)) == 1


async def test_a_transaction_is_read_committed_though_its_session_is_not(dsn: str, database: Database) -> None:
    """Behind a pooler that hands out a session with other settings, ``BEGIN`` itself names the level."""
    await database.connection.execute(
        "SET default_transaction_isolation = serializable; SET default_transaction_read_only = on"
    )
    async with database.transaction():
        assert await value(database, "SHOW transaction_isolation") == "read committed"
        assert await value(database, "SHOW transaction_read_only") == "off"


async def test_dispatchers_and_reapers_keep_their_guarantees_where_repeatable_read_is_the_default(dsn: str) -> None:
    """Eight counts at once make exactly what is missing, and a reap sees the lease that it waited for."""
    await spoil(dsn, [("default_transaction_isolation", "repeatable read")])
    async with sessions(dsn, 8) as many:
        await open_run(many[0], urls(20), lane=LaneConfig(max_invocations=50, tasks_per_invocation=2))
        plans = await asyncio.gather(*(lanes.plan(one, LANE) for one in many))
        created = [invocation for plan in plans for invocation in plan.created]
        assert len(created) == 10
        held = await make_ready(many[0], created[0])
        async with many[0].transaction():
            await tasks.lease_share(many[0], held, share=2, another=False)
            reaping = asyncio.create_task(
                rescue.reap_lane(many[1], LANE, location=location, heartbeat_ttl=-1.0, pending_ttl=9999)
            )
            await until_blocked(many[2])
        found = await reaping
        assert (len(found.orphaned), len(found.returned)) == (1, 2)
        assert await value(many[0], LEASES_OF_ENDED) == 0


async def test_retention_refuses_a_level_at_which_it_could_lose_a_text(dsn: str, database: Database) -> None:
    """By psql or by another program: in REPEATABLE READ ``retire`` would not see what the last one handed on."""
    await one_ready_run(database)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET default_transaction_isolation = 'repeatable read'")
        with pytest.raises(asyncpg.InvalidTransactionStateError, match="READ COMMITTED"):
            await connection.fetch("SELECT * FROM trapline.retire(30, false, 10)")
    finally:
        await connection.close()
    assert await database.fetchrow(load("retention")["retire"], 30, False, 10)


async def one_ready_run(database: Database) -> None:
    """Open a run with one invocation that is ready."""
    await open_run(database, urls(1))
    await one_ready(database)


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("SELECT $1::text", "a\x00b"),
        ("SELECT $1::text", "\ud800"),
        ("SELECT $1::text[]", ["fine", "\udc80"]),
        ("SELECT $1::bigint", 2**63),
        ("SELECT $1::jsonb", '{"a": "\\u0000"}'),
    ],
)
async def test_a_value_that_no_ledger_can_hold_is_refused_in_words(
    database: Database, query: str, argument: object
) -> None:
    """The last line of defence: what no check before has found is no traceback of the driver, and spoils nothing."""
    with pytest.raises(InputRefusedError, match="can't hold"):
        await database.fetch(Query("hostile", query), argument)
    assert await value(database, "SELECT 1") == 1


async def test_a_request_is_told_that_the_server_is_a_standby(dsn: str, database: Database) -> None:
    """After a failover the name may lead to the old server for a while: that passes, and is no bug's traceback."""
    await database.connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(Exception, match="read-only") as caught:
        await database.fetch(
            Query("write", "UPDATE trapline.pace SET next_at = now() WHERE name = $1"), str(uuid.uuid4())
        )
    assert type(caught.value).__name__ == "LedgerUnavailableError"
