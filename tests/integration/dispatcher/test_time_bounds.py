"""How long it takes at most until the tick finds what nobody reports: by the ledger's clock, and the tick's period."""

import re
from collections.abc import Awaitable, Callable

import pytest

from support.adapters import MemoryAnnouncer, MemoryInvoker, MemoryWaiters, MemoryWaves
from support.dispatcher_stage import Stage
from support.ledger import make_ready
from tools.shell import ROOT
from trapline_common.domain.errors import TransientError
from trapline_common.domain.ids import InvocationId, RunId
from trapline_common.domain.messages import OpenRun
from trapline_common.ledger import announcing, answering, invocations, runs, tasks

CONFIG = """
lanes:
  fragile: {max_invocations: 2, tasks_per_invocation: 1, orchestrator: step_functions, queue: true}
crawls:
  fragile: {lane: fragile, urls: [https://fragile.example/1]}
"""
AGES = {
    "invocation": ("created_at", "asked_at", "pending_at", "ready_at", "heartbeat_at", "ended_at"),
    "run": ("created_at", "ended_at"),
    "task": ("run_at", "leased_at", "started_at", "ended_at"),
}
"""The times of the ledger that pass in these tests."""
STATUSES = "SELECT status::text, reason FROM trapline.invocation ORDER BY created_at, slot"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A deployment with a lane whose calls lie in a queue, and in which somebody waits for ends."""
    stage.configure(CONFIG)
    stage.waves, stage.durable = MemoryWaves(), MemoryInvoker()
    stage.waiters, stage.announcer = MemoryWaiters(), MemoryAnnouncer()
    return stage


@pytest.fixture(scope="module")
def period() -> float:
    """Seconds between two ticks, as Terraform deploys them."""
    text = (ROOT / "terraform/modules/schedules/main.tf").read_text()
    found = re.search(
        r'resource "aws_scheduler_schedule" "reap" \{.*?schedule_expression\s*=\s*"(.*?)"', text, re.DOTALL
    )
    assert found is not None
    assert found[1] == "rate(1 minute)"
    return 60.0


async def ticked(stage: Stage, happened: Callable[[], Awaitable[bool]], *, phase: float, period: float) -> float:
    """Let ticks come, the first after ``phase`` seconds, until it has happened; return after how many seconds.

    The time that the test itself takes passes as well: a phase right before a time to live has to leave room for it.
    """
    passed, step = 0.0, phase
    while passed < 1000:
        for table, columns in AGES.items():
            moved = ", ".join(f"{column} = {column} - make_interval(secs => $1)" for column in columns)
            await stage.database.connection.execute(f"UPDATE trapline.{table} SET {moved}", step)
        passed += step
        await stage.reap()
        if await happened():
            return passed
        step = period
    pytest.fail("it never happened")


@pytest.mark.parametrize("phase", [13.0, 28.0, 43.0, 58.0])
async def test_a_queued_call_that_never_says_ready_is_replaced_within_400_s(
    stage: Stage, phase: float, period: float
) -> None:
    """Its crawler was killed before, or its queue is gone: the row is given up, and another is asked for."""
    await stage.open("fragile")
    assert stage.waves is not None
    (first,) = stage.waves.ids

    async def replaced() -> bool:
        return len(set(stage.waves.ids)) == 2 if stage.waves else False

    assert 330 <= await ticked(stage, replaced, phase=phase, period=period) <= 400
    assert await stage.rows(STATUSES) == [("orphaned", "never started"), ("pending", None)]
    late = await invocations.become_ready(
        stage.database, InvocationId(first), owner=stage.services().new_wave(), request_id="late", process_name="test"
    )
    assert late is None


@pytest.mark.parametrize("phase", [13.0, 28.0, 43.0, 58.0])
async def test_a_crawler_that_died_and_that_nobody_reports_is_replaced_within_105_s(
    stage: Stage, phase: float, period: float
) -> None:
    """Its heartbeats stop: its task goes back, and another crawler is asked for."""
    await stage.open("fragile")
    assert stage.waves is not None
    held = await make_ready(stage.database, InvocationId(stage.waves.ids[0]))
    (task,) = await tasks.lease_share(stage.database, held, share=1, another=False)
    await tasks.start(stage.database, task.lease)

    async def replaced() -> bool:
        return len(set(stage.waves.ids)) == 2 if stage.waves else False

    assert 45 <= await ticked(stage, replaced, phase=phase, period=period) <= 105
    assert await stage.rows(STATUSES) == [("orphaned", "heartbeats stopped"), ("pending", None)]
    assert await stage.rows("SELECT status::text, rescues FROM trapline.task") == [("created", 1)]


@pytest.mark.parametrize("phase", [0.3, 3.0, 30.0])
async def test_an_answer_that_got_lost_is_given_within_61_s(stage: Stage, phase: float, period: float) -> None:
    """Of an invocation and of a run, and so is the word that the run has ended; each once."""
    opening = OpenRun(crawl="fragile", request=stage.services().new_wave(), task_token="of the run")
    await stage.handle(opening)
    assert stage.waves is not None
    assert stage.waiters is not None
    assert stage.announcer is not None
    held = await make_ready(stage.database, InvocationId(stage.waves.ids[0]))
    await answering.note_token(stage.database, held.invocation_id, "of the invocation")
    await tasks.lease_share(stage.database, held, share=1, another=False)
    await stage.end_runs()
    await stage.rows("UPDATE trapline.task SET status = 'done', ended_at = now()")
    assert await invocations.succeed(stage.database, held)
    ((run,),) = await stage.rows("SELECT id FROM trapline.run")
    assert await runs.end_if_done(stage.database, RunId(run))
    # What the crawler says after the commit gets lost, all of it
    away = TransientError("away")
    stage.waiters.answers.extend([away, away])
    stage.announcer.answers.append(away)
    assert await answering.answer(stage.database, stage.waiters, held.invocation_id) == 0
    assert await answering.answer_runs(stage.database, stage.waiters, RunId(run)) == 0
    assert await announcing.announce(stage.database, stage.announcer, RunId(run)) == 0

    async def heard() -> bool:
        tokens = {token for token, _, _ in stage.waiters.told} if stage.waiters else set()
        return tokens == {"of the run", "of the invocation"} and bool(stage.announcer and stage.announcer.told)

    assert await ticked(stage, heard, phase=phase, period=period) <= 61
    assert len(stage.waiters.told) == 2
    assert len(stage.announcer.told) == 1
    await ticked(stage, heard, phase=period, period=period)
    assert len(stage.waiters.told) == 2
    assert len(stage.announcer.told) == 1
