"""One order of locks everywhere: every transaction of the ledger's code, and every function of the database."""

import ast
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import asyncpg
import pytest

import trapline_common.ledger
from support.ledger import FINGERPRINT, LANE, all_ready, complete, location, make_old, open_run, urls
from support.lock_order import ORDER, locks, out_of_order
from trapline_common.config.models import CrawlConfig, LaneConfig, Orchestrator
from trapline_common.domain.ids import AlertId, OwnerToken
from trapline_common.ledger import invocations, lanes, mutes, rescue, runs, schedules, tasks, tick, waves
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.ledger.queries import Query, load
from trapline_common.ledger.resending import send_again

EXCUSED = {
    # The invocation's row is its own process's; who holds it and wants tasks holds the lane's lock exclusively, and a
    # lease holds it shared.
    "lease_share": {("task", "invocation")},
    # The invocation's row is locked only where no task's row was.
    "record_visit": {("task", "invocation"), ("page", "invocation"), ("observation", "invocation"),
                     ("alert", "invocation")},
    # With a result, a lease takes the lane's lock only if it need not wait for it.
    "complete_and_lease": {
        (held, "lane") for held in ("mutes", "mute", "invocation", "task", "page", "observation", "alert")
    },
    # A new task is waited for only by those who add to the same run: they hold its row.
    "write_pages": {("page", "task")},
    "add_ordered_task": {("page", "task")},
    # Of a host that refuses, one task: who holds a task's row waits for no host's.
    "start_if_host_recovers": {("host", "task")},
    # Rows of runs and of invocations that ended days ago, which no other transaction locks.
    "retire": {("observation", "task"), ("observation", "invocation"), ("task", "invocation"), ("alert", "invocation")},
}  # fmt: skip
"""By function, pairs (held, waited for) against the order that can't deadlock, with the reason."""
OF_THE_RELEASE_BEFORE = frozenset({"complete_visit"})
"""Functions that this release does not call."""
FILES = (
    "acts",
    "alerts",
    "deliveries",
    "hosts",
    "invocations",
    "lanes",
    "mutes",
    "pages",
    "retention",
    "robots",
    "runs",
    "schedules",
    "serving",
    "sessions",
    "tasks",
    "tick",
    "waiters",
    "waves",
)
NAMED = re.compile(r"_[A-Z]+\['(\w+)'\]")
FUNCTIONS = """
    SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'trapline'
"""
SEVERAL = re.compile(r"UPDATE trapline\.task\b(?P<rest>.*?)(?:RETURNING|$)", re.DOTALL)
ONE_TASK = re.compile(r"WHERE (?:t\.)?id = (?:\$1|of_task)\b")


async def sources(database: Database) -> dict[str, str]:
    """Return the body of each of our functions by name."""
    return {row["proname"]: row["prosrc"] for row in await database.connection.fetch(FUNCTIONS)}


class Recording(Database):
    """Notes the statements of each transaction, and which function of the code began it."""

    __slots__ = ("transactions",)

    transactions: list[list[Query]]

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Connect as a service does."""
        recording = await cls.connect(dsn)
        recording.transactions = []
        return recording

    @asynccontextmanager
    async def transaction(self, *, bounded: bool = True) -> AsyncIterator[None]:
        async with super().transaction(bounded=bounded):
            self.transactions.append([])
            yield

    def _note(self, query: Query) -> None:
        if self._is_ours():
            self.transactions[-1].append(query)

    async def fetch(self, query: Query, *args: object) -> list[asyncpg.Record]:
        self._note(query)
        return await super().fetch(query, *args)

    async def fetchrow(self, query: Query, *args: object) -> asyncpg.Record | None:
        self._note(query)
        return await super().fetchrow(query, *args)

    async def fetchval(self, query: Query, *args: object) -> Any:
        self._note(query)
        return await super().fetchval(query, *args)


async def everything(database: Database) -> None:
    """Do once all that a transaction of several statements does."""
    lane = LaneConfig(max_invocations=9, tasks_per_invocation=3)
    run = await open_run(database, urls(12), lane=lane)
    ordered = CrawlConfig(name="steps", urls=tuple(urls(2)), ordered=True)
    steps = await open_run(database, urls(2), crawl=ordered, lane=lane)
    await runs.enqueue(database, run, urls(14))
    await runs.enqueue(database, steps, urls(4))
    held = await all_ready(database)
    await invocations.become_ready(
        database, held[0].invocation_id, owner=OwnerToken(uuid.uuid4()), request_id="again", process_name="test"
    )
    leased = [task for one in held for task in await tasks.lease_share(database, one, share=3, another=False)]
    await database.connection.execute("UPDATE trapline.task SET rescues = 2 WHERE status = 'leased'")
    for task in leased:
        await tasks.start(database, task.lease)
    await rescue.fail_own(database, held[0], reason="x", location=location)
    await rescue.fail_reported(
        database, held[1].invocation_id, request_id="request", reason="x", silent_for=0, location=location
    )
    await make_old(database, "invocation", "heartbeat_at", 3600)
    await rescue.reap_lane(database, LANE, location=location)
    await runs.cancel(database, run)
    await runs.cancel(database, steps)
    done = await open_run(database, urls(1), crawl=CrawlConfig(name="one", urls=tuple(urls(1))), lane=lane)
    (last,) = await tasks.lease_share(database, (await all_ready(database))[0], share=1, another=False)
    await complete(database, last)
    assert await runs.end_if_done(database, done)
    refused = CrawlConfig(name="refused", sitemap="https://site.example/sitemap.xml")
    opening = await runs.begin(database, refused, lane, fingerprint=FINGERPRINT, request=uuid.uuid4())
    await runs.refuse(database, opening.run_id, "HTML")
    await runs.begin(
        database, CrawlConfig(name="one", urls=tuple(urls(1))), None, fingerprint=FINGERPRINT, request=uuid.uuid4(),
        retry_of=done,
    )  # fmt: skip
    again = uuid.uuid4()
    for _ in range(2):
        await runs.begin(database, refused, lane, fingerprint=FINGERPRINT, request=again)
    mapped = lane.model_copy(update={"orchestrator": Orchestrator.STEP_FUNCTIONS})
    await open_run(database, urls(9), crawl=CrawlConfig(name="mapped", urls=tuple(urls(9))), lane=mapped)
    ids, wave = (await lanes.plan(database, LANE)).created, uuid.uuid4()
    await waves.claim(database, LANE, ids, wave=wave)
    await waves.mark_pending(database, LANE, ids[:1])
    await waves.give_up(database, wave, status="ABORTED")
    await lanes.trim(database, LANE)
    await mutes.mute(database, "one", None, until=timedelta(days=1), reason="x", acted_by="ann")
    await mutes.unmute(database, "one", None, acted_by="ann")
    alert = AlertId(await database.connection.fetchval("SELECT min(id) FROM trapline.alert WHERE status = 'due'"))
    outbox = PostgresOutbox(database)
    await outbox.spread(("chat",), everything=("chat",), closed=False, hold_seconds=60)
    await send_again(database, alert, acted_by="ann")
    hourly, now = CrawlConfig(name="one", urls=tuple(urls(1)), schedule="rate(1 hour)"), datetime.now(UTC)
    await schedules.keep(database, [hourly], now=now)
    await schedules.skip(database, hourly, lane, [now, now + timedelta(hours=1)], reason=schedules.MISSED)
    chores = tick.Chores(archives=True, answers=True, retention=None, store=None)
    assert await tick.fall(database, chores, seen=0, soon=-timedelta(days=1)) is not None


def written_in_transactions() -> set[str]:
    """Return the names of the queries in each function of the ledger's modules that begins a transaction."""
    found = set()
    for path in Path(trapline_common.ledger.__path__[0]).glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.AsyncFunctionDef):
                source = ast.unparse(function)
                if "async with database.transaction()" in source:
                    found |= set(NAMED.findall(source.partition("async with database.transaction()")[2]))
    return found


async def test_every_transaction_takes_its_locks_in_the_one_order(dsn: str, database: Database) -> None:
    """No transaction of the code waits for a lock while it holds one that comes later in the order."""
    functions = await sources(database)
    async with await Recording.open(dsn) as recording:
        await everything(recording)
    wrong = {}
    for queries in recording.transactions:
        excused = {
            pair for query in queries for name in (query.name, *_called(query.sql)) for pair in EXCUSED.get(name, ())
        }
        taken = [one for query in queries for one in locks(query.sql, functions)]
        if pairs := set(out_of_order(taken)) - excused:
            wrong[" ".join(query.name for query in queries)] = pairs
    assert wrong == {}
    done = {query.name for queries in recording.transactions for query in queries}
    assert written_in_transactions() - done == set(), "the scenario leaves out what a transaction does"


async def test_every_function_and_every_statement_takes_its_locks_in_the_one_order(database: Database) -> None:
    """The same within one statement, for all that the code and the database name."""
    functions = await sources(database)
    named = {f"{file}.{query.name}": query.sql for file in FILES for query in load(file).values()}
    wrong = {}
    for name, sql in {**functions, **named}.items():
        excused = {pair for function in (name.split(".")[-1], *_called(sql)) for pair in EXCUSED.get(function, ())}
        if name not in OF_THE_RELEASE_BEFORE and (pairs := set(out_of_order(list(locks(sql, functions)))) - excused):
            wrong[name] = pairs
    assert wrong == {}


def _called(sql: str) -> list[str]:
    return re.findall(r"trapline\.(\w+)\(", sql)


@pytest.mark.parametrize("file", ["tasks", "runs", "invocations"])
def test_a_statement_that_changes_several_tasks_locks_them_by_their_ids(file: str) -> None:
    """Two statements that lock the same tasks in two orders deadlock; one that changes one task by its id does not."""
    for query in load(file).values():
        for changed in SEVERAL.finditer(query.sql):
            by_id = ONE_TASK.search(changed["rest"]) is not None
            ordered = re.search(r"ORDER BY t\.id\s+(?:LIMIT \$\d\s+)?FOR NO KEY UPDATE", query.sql) is not None
            assert by_id or ordered, f"{file}.{query.name} locks several tasks in no order"


@pytest.mark.parametrize(
    ("sql", "pairs"),
    [
        ("UPDATE trapline.task SET x = 1; UPDATE trapline.page SET x = 1", []),
        ("UPDATE trapline.page SET x = 1; UPDATE trapline.task SET x = 1", [("page", "task")]),
        ("SELECT 1 FROM trapline.task t FOR UPDATE OF t; SELECT pg_advisory_xact_lock(trapline.lane_key($1))",
         [("task", "lane")]),
        ("SELECT 1 FROM trapline.task t FOR UPDATE OF t; SELECT 1 FROM trapline.run r FOR UPDATE SKIP LOCKED", []),
        ("DELETE FROM trapline.alert; INSERT INTO trapline.run VALUES (1)", [("alert", "run")]),
        ("SELECT trapline.inner(1); SELECT 1 FROM trapline.run WHERE id = 1 FOR KEY SHARE", [("page", "run")]),
        ("-- UPDATE trapline.page\nUPDATE trapline.task SET x = 1", []),
    ],
)  # fmt: skip
def test_the_reader_of_locks_sees_what_is_out_of_order(sql: str, pairs: list[tuple[str, str]]) -> None:
    """The check can fail: it reads what is written, what is called, and what waits."""
    assert out_of_order(list(locks(sql, {"inner": "UPDATE trapline.page SET x = 1"}))) == pairs


def test_the_documentation_has_the_same_order() -> None:
    """The order that is checked is the one that docs/architecture.md tells."""
    text = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()
    table = text.partition("## Locks, in the order they are taken")[2].partition("## The fence")[0]
    rows = re.findall(r"^\| `([\w ]+)` \|", table, re.MULTILINE)
    assert tuple(rows) == ORDER
