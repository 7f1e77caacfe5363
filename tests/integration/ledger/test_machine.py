"""Any order of the ledger's calls keeps its guarantees."""

import asyncio

import asyncpg
import pytest
from hypothesis import Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from support.ledger_machine import LANES, LedgerMachine
from support.mutation import Mutation
from support.postgres import fresh_database
from trapline_common.ledger.connection import Database

QUICK = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True, database=None)
"""The same examples every time, in some ten seconds. ``--hypothesis-profile=long`` searches for minutes instead."""


SEARCH = settings(QUICK, phases=[Phase.generate], report_multiple_bugs=False, max_examples=200)
"""No shrinking: that something is found is enough."""

NO_LOCK = "SELECT 1 WHERE $1::text IS NOT NULL"
BROKEN = {
    "no fence": Mutation(target="record_visit", old="t.lease_seq = fence AND ", new=""),
    "no compare-and-set on ready": Mutation(
        target="invocations.ready", old="AND i.status IN ('created', 'pending')", new=""
    ),
    "no lock in the plan": Mutation(target="lanes.lock_exclusive", old="", new=NO_LOCK),
    "tasks stay with the dead": Mutation(target="tasks.rescue", old="t.status = 'leased'", new="false"),
    "cancelled tasks stay": Mutation(target="runs.open_ids", old="ended_at IS NULL", new="status = 'created'"),
    "a run ends too early": Mutation(target="runs.open_tasks", old="ended_at IS NULL", new="status = 'created'"),
}
"""What the search must find by itself. What needs two calls at once is not found by every repetition: ``Flaky``."""


def test_any_order_of_calls_keeps_the_guarantees(postgres: str) -> None:
    """The cap holds, results come once and from the newest lease, no lease outlives its invocation, everything ends."""
    chosen = settings() if settings.get_current_profile_name() == "long" else QUICK
    asyncio.run(_search(postgres, chosen))


@pytest.mark.parametrize("name", BROKEN)
def test_the_search_finds_what_is_broken(postgres: str, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Given a broken ledger, the search finds an order of calls that breaks a guarantee."""
    with pytest.raises((AssertionError, asyncpg.IntegrityConstraintViolationError, Flaky)):
        asyncio.run(_search(postgres, SEARCH, monkeypatch, BROKEN[name]))


async def _search(
    postgres: str, chosen: settings, patch: pytest.MonkeyPatch | None = None, broken: Mutation | None = None
) -> None:
    async with fresh_database(postgres) as dsn:
        if broken is not None and patch is not None:
            async with await Database.connect(dsn) as database:
                await broken.apply(database, patch)
        await asyncio.to_thread(_run, dsn, chosen)


def test_tasks_that_wait_for_their_time_end_too(postgres: str) -> None:
    """The search's own end lets time pass: tasks whose leases died unstarted wait for longer than its rounds take."""

    def one_history(dsn: str) -> None:
        with asyncio.Runner() as loop:
            databases = [loop.run(Database.connect(dsn)) for _ in range(2)]
            machine = LedgerMachine(loop, databases)
            machine.begin(ordered=False, started=False)
            for lane in [*LANES] * 3:
                for back in range(3):
                    machine.stall_and_reap(which=back, together=1)
                machine.work(lane=lane, started=False)
            machine.teardown()
            for database in databases:
                loop.run(database.close())

    async def go() -> None:
        async with fresh_database(postgres) as dsn:
            await asyncio.to_thread(one_history, dsn)

    asyncio.run(go())


def _run(dsn: str, chosen: settings) -> None:
    with asyncio.Runner() as loop:
        databases = [loop.run(Database.connect(dsn)) for _ in range(3)]

        class OnThisDatabase(LedgerMachine):
            def __init__(self) -> None:
                super().__init__(loop, databases)

        try:
            run_state_machine_as_test(OnThisDatabase, settings=chosen)
        finally:
            for database in databases:
                loop.run(database.close())
