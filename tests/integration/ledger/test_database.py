"""The connection: Postgres' errors as our own, and a Database that survives any cancellation."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.ledger import LANE, value
from support.quick_folder import quick_folder
from support.races import PATIENCE, Connect, until_blocked
from tests.storm.proxy import Proxy
from trapline_common.domain.errors import InputRefusedError, LeaseLostError, LedgerUnavailableError
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database, Patience, to_json, to_text
from trapline_common.ledger.queries import Query
from trapline_machine.embedded_postgres import embedded_postgres

LOCK = Query("lock", "SELECT pg_advisory_lock(1)")
ONE = Query("one", "SELECT 1")
ADD = Query("add", "INSERT INTO trapline.lane VALUES ($1, 1, 1, 1, 0)")
LANES = "SELECT count(*) FROM trapline.lane"
IDLE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"


async def test_a_terminated_backend_is_unavailable_now_and_afterwards(database: Database, connect: Connect) -> None:
    """When the server ends the connection, the statement under way and all later ones say so."""
    victim = await connect()
    backend = await value(victim, "SELECT pg_backend_pid()")
    await database.connection.execute("SELECT pg_advisory_lock(1)")
    waiting = asyncio.create_task(victim.fetch(LOCK))
    await until_blocked(database)
    await database.connection.execute("SELECT pg_terminate_backend($1)", backend)
    with pytest.raises(LedgerUnavailableError):
        await waiting
    with pytest.raises(LedgerUnavailableError):
        await victim.fetchval(ONE)
    with pytest.raises(LedgerUnavailableError):
        async with victim.transaction():
            await victim.fetch(ONE)


async def test_a_transaction_that_lies_idle_is_ended_by_the_server_and_its_lane_goes_on(
    dsn: str, database: Database
) -> None:
    """A process that stopped, or can't be reached, inside a transaction does not keep the lane's lock for ever."""

    async def stop_inside(stopped: Database) -> None:
        async with stopped.transaction():
            await lanes.lock_exclusive(stopped, LANE)
            async with asyncio.timeout(PATIENCE):
                await lanes.plan(database, LANE)
            await stopped.fetch(ONE)

    async with await Database.connect(dsn, patience=Patience(in_transaction=0.2)) as stopped:
        with pytest.raises(LedgerUnavailableError):
            await stop_inside(stopped)


async def test_a_client_lost_in_the_middle_of_a_statement_does_not_keep_its_lock(dsn: str, database: Database) -> None:
    """Cut off between a statement's two messages, a transaction is not idle to the server; it ends all the same."""
    url = urlsplit(dsn)
    proxy = Proxy(f"{parse_qs(url.query)['host'][0]}/.s.PGSQL.5432")

    async def lost(cut_off: Database) -> None:
        async with cut_off.transaction():
            await lanes.lock_exclusive(cut_off, LANE)
            proxy.freeze_at_next_answer()
            await cut_off.fetch(ONE)

    async with proxy.open():
        through = f"postgresql://postgres@127.0.0.1:{proxy.port}{url.path}?sslmode=disable"
        patience = Patience(command=0.2, in_transaction=0.2, transaction=0.5)
        async with await Database.connect(through, patience=patience) as cut_off:
            with pytest.raises(LedgerUnavailableError):
                await lost(cut_off)
        async with asyncio.timeout(PATIENCE):
            await lanes.plan(database, LANE)


async def test_after_a_statement_that_timed_out_nothing_waits_for_that_connection_again(
    dsn: str, database: Database
) -> None:
    """The other end of a connection may be gone: the next statement fails at once instead of waiting as long again."""
    await database.connection.execute("SELECT pg_advisory_lock(1)")
    async with await Database.connect(dsn, patience=Patience(command=0.2)) as cut_off:
        with pytest.raises(LedgerUnavailableError):
            await cut_off.fetch(LOCK)
        with pytest.raises(LedgerUnavailableError, match="closed"):
            await cut_off.fetch(ONE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a Postgres of the test's own."""
    with quick_folder() as found:
        yield found


async def test_postgres_stopped_immediately_is_unavailable(folder: Path) -> None:
    """An immediate stop in the middle of a transaction is ``LedgerUnavailableError``; nothing of it was committed."""
    with embedded_postgres(folder) as dsn:
        database = await Database.connect(dsn)
        await database.connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)")
        data = Path(await value(database, "SHOW data_directory"))
        program = await value(database, "SELECT setting FROM pg_config() WHERE name = 'BINDIR'")
        stop = [f"{program}/pg_ctl", "stop", "-m", "immediate", "-D", str(data)]

        async def interrupted() -> None:
            async with database.transaction():
                await database.connection.execute("INSERT INTO kept VALUES (2)")
                await asyncio.to_thread(_stop, stop, data)
                await database.fetch(ONE)

        with pytest.raises(LedgerUnavailableError):
            await interrupted()
        with pytest.raises(LedgerUnavailableError):
            await Database.connect(dsn)
        await database.close()
    with embedded_postgres(folder) as dsn:
        async with await Database.connect(dsn) as again:
            assert await value(again, "SELECT count(*) FROM kept") == 1


def _stop(command: list[str], folder: Path) -> None:
    owner = folder.stat().st_uid
    subprocess.run(command, check=True, capture_output=True, user=owner)


async def test_what_can_never_be_reached_says_why(dsn: str) -> None:
    """A database that is not there, and a port without a listener, are unavailable; a DSN that is none is refused."""
    with pytest.raises(LedgerUnavailableError, match="does not exist"):
        await Database.connect(dsn.replace("/test_", "/nowhere_"))
    with pytest.raises(LedgerUnavailableError):
        await Database.connect("postgresql://127.0.0.1:1/x")
    with pytest.raises(InputRefusedError, match="DATABASE_URL"):
        await Database.connect("mysql://127.0.0.1/x")


async def test_a_mistake_of_ours_is_not_called_unavailable(database: Database) -> None:
    """A wrong statement or value would fail again on every retry: it stays what it is."""
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch(Query("x", "SELECT * FROM nowhere"))
    with pytest.raises(asyncpg.DataError, match="invalid input"):
        await database.fetch(Query("x", "SELECT $1::int"), "text")


async def test_a_pooler_that_changes_the_session_under_us_is_refused_in_words(database: Database, dsn: str) -> None:
    """As PgBouncer does with a pool for transactions: statements made before are gone, or are another client's."""
    asked = Query("x", "SELECT $1::int")
    assert await database.fetchval(asked, 1) == 1
    await database.connection.execute("DEALLOCATE ALL")
    with pytest.raises(InputRefusedError, match="pool_mode=session"):
        await database.fetchval(asked, 1)
    async with await Database.connect(dsn) as another:
        taken = asyncpg.connection._uid  # asyncpg counts the names of its statements by process
        for number in range(taken + 1, taken + 9):
            await another.connection.execute(f"PREPARE __asyncpg_stmt_{number:x}__ AS SELECT 1")
        with pytest.raises(InputRefusedError, match="pool_mode=session"):
            await another.fetchval(asked, 1)


async def test_a_deadlock_is_worth_another_try(database: Database, connect: Connect) -> None:
    """Of two transactions that wait for each other one gets ``LedgerUnavailableError``, and can go on at once."""
    lock = Query("x", "UPDATE trapline.lane SET host_delay = 1 WHERE name = $1")
    both_hold_one = asyncio.Barrier(2)

    async def cross(side: Database, first: str, second: str) -> None:
        async with side.transaction():
            await side.fetch(lock, first)
            await both_hold_one.wait()
            await side.fetch(lock, second)

    sides = (database, await connect())
    for name in ("a", "b"):
        await database.fetch(ADD, name)
    for side in sides:
        await side.connection.execute("SET deadlock_timeout = '20ms'")
    results = await asyncio.gather(cross(sides[0], "a", "b"), cross(sides[1], "b", "a"), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [LedgerUnavailableError]
    assert [await side.fetchval(ONE) for side in sides] == [1, 1]


async def test_the_fences_error_is_lease_lost(database: Database) -> None:
    """The database's own code for a lost lease becomes ``LeaseLostError``."""
    with pytest.raises(LeaseLostError):
        await database.fetch(Query("x", "DO $$ BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = 'TL001'; END $$"))


async def test_a_cancelled_statement_leaves_the_connection_usable(database: Database, connect: Connect) -> None:
    """A time limit around a statement that waits ends it on the server too; the next statement works."""
    holder = await connect()
    await holder.fetch(LOCK)
    for _ in range(5):
        waiting = asyncio.create_task(database.fetch(LOCK))
        await until_blocked(holder)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await database.fetchval(ONE) == 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await database.fetch(LOCK)
    assert await database.fetchval(ONE) == 1


async def test_a_cancelled_transaction_is_rolled_back_and_the_next_one_works(
    database: Database, connect: Connect
) -> None:
    """Cancelled in the middle of a transaction's statement: nothing is kept, and the next transaction commits."""
    holder = await connect()
    await holder.fetch(LOCK)

    async def transfer(name: str, *, wait: bool) -> None:
        async with database.transaction():
            await database.fetch(ADD, name)
            if wait:
                await database.fetch(LOCK)

    cancelled = asyncio.create_task(transfer("cancelled", wait=True))
    await until_blocked(holder)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await transfer("kept", wait=False)
    assert await value(database, "SELECT array_agg(name) FROM trapline.lane") == ["kept"]


async def test_a_cancelled_wait_for_the_turn_hands_the_turn_on(database: Database) -> None:
    """Of three coroutines on one connection the second is cancelled while it waits; the third gets its turn."""
    async with database.transaction():
        second = asyncio.create_task(database.fetchval(ONE))
        third = asyncio.create_task(database.fetchval(ONE))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert not third.done()
    assert await third == 1


async def test_cancelled_at_any_await_the_connection_is_outside_any_transaction(
    database: Database, connect: Connect
) -> None:
    """A transaction cancelled once or twice, after any number of the loop's turns, is whole or not there at all."""
    watcher = await connect()

    async def two(name: str) -> None:
        async with database.transaction():
            await database.fetch(ADD, f"{name} first")
            await database.fetch(ADD, f"{name} second")

    for turns in range(60):
        task = asyncio.create_task(two(str(turns)))
        for _ in range(turns % 30):
            await asyncio.sleep(0)
        task.cancel()
        if turns >= 30:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await database.fetchval(ONE) == 1
        assert await value(watcher, IDLE) == 0
    assert await value(watcher, LANES) % 2 == 0


async def test_an_error_in_a_transaction_rolls_it_back(database: Database) -> None:
    """When the body raises, nothing of it is kept."""
    with pytest.raises(RuntimeError, match="mine"):
        await _fail_after_adding(database, "a")
    assert await value(database, LANES) == 0


async def _fail_after_adding(database: Database, name: str) -> None:
    async with database.transaction():
        await database.fetch(ADD, name)
        await asyncio.sleep(0)
        raise RuntimeError("mine")


async def test_a_transaction_does_not_nest(database: Database) -> None:
    """A second transaction in the same coroutine is an error, not a wait for oneself."""
    async with database.transaction():
        with pytest.raises(RuntimeError, match="already"):
            async with database.transaction():
                pass


async def test_other_coroutines_never_join_a_transaction(database: Database) -> None:
    """A statement of another coroutine waits for the transaction's end, so a rollback can't take it along."""
    mine = asyncio.create_task(_fail_after_adding(database, "mine"))
    await asyncio.sleep(0)
    other = asyncio.create_task(database.fetch(ADD, "other"))
    with pytest.raises(RuntimeError, match="mine"):
        await mine
    await other
    assert await value(database, "SELECT array_agg(name) FROM trapline.lane") == ["other"]


HOSTILE = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\x00", "\\u0000", "\\\x00", "\ud800\udc00", '"\x00']
)


@given(HOSTILE)
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_encoded(text: str) -> None:
    """Any text of a page becomes valid text and JSON without NUL, and all the rest of it stays as it was."""
    clean = to_text(text)
    assert clean is not None
    assert json.loads(to_json({"x": text}))["x"].encode() == clean.encode()
    assert "\x00" not in clean
