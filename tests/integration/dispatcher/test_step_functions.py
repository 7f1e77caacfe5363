"""Lanes whose crawlers an execution calls: each place at which a dispatcher may die, and what executions report."""

import asyncio
from uuid import UUID, uuid4

import pytest

from support.adapters import MemoryInvoker, MemoryWaves
from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old, make_ready
from trapline_common.domain.answers import Counted, FailuresRecorded, NextItem, WaveGivenUp
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.domain.messages import Lost, Next, WaveEnded, WaveItem
from trapline_common.ledger import invocations, tasks
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.rescue import BELIEVED_AFTER

CONFIG = """
lanes:
  default: {max_invocations: 3, tasks_per_invocation: 2}
  bulk: {max_invocations: 3, tasks_per_invocation: 1, orchestrator: step_functions}
  fragile: {max_invocations: 2, tasks_per_invocation: 1, orchestrator: step_functions, queue: true}
  walk: {max_invocations: 2, tasks_per_invocation: 1, orchestrator: durable}
crawls:
  bulk: {lane: bulk, urls: [https://docs.example/1, https://docs.example/2, https://docs.example/3]}
  fragile: {lane: fragile, urls: [https://fragile.example/1]}
  walk: {lane: walk, ordered: true, urls: [https://walk.example/1, https://walk.example/2]}
  other: {urls: [https://other.example/1]}
"""
ROWS = "SELECT status::text, asks, via FROM trapline.invocation ORDER BY created_at, slot"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A deployment with a wave machine and a durable function."""
    stage.configure(CONFIG)
    stage.waves, stage.durable = MemoryWaves(), MemoryInvoker()
    return stage


def waves_of(stage: Stage) -> MemoryWaves:
    """Return the machine of a stage that has one."""
    assert stage.waves is not None
    return stage.waves


async def ready(stage: Stage, invocation_id: UUID, delivery: str) -> Held:
    """Let the crawler that a child execution called become ready."""
    held = await invocations.become_ready(
        stage.database,
        InvocationId(invocation_id),
        owner=OwnerToken(uuid4()),
        request_id=f"request of {delivery}",
        process_name="stage",
        delivery=delivery,
    )
    assert held is not None
    return held


async def test_every_way_beside_the_others(stage: Stage) -> None:
    """Four lanes: one execution for all rows of a count, Invokes for the lane of our own, named ones for the walk."""
    for crawl in ("bulk", "fragile", "walk", "other"):
        await stage.open(crawl)
    waves = waves_of(stage)
    assert [len(waves.objects[wave]) for wave in waves.started] == [3, 1]
    assert [item.via for wave in waves.started for item in waves.objects[wave]] == ["map", "map", "map", "queue"]
    assert {message["lane"] for message in stage.invoker.asked} == {"default"}
    assert stage.durable is not None
    assert [message["lane"] for message in stage.durable.asked] == ["walk"]
    assert set(await stage.rows("SELECT status::text, asks FROM trapline.invocation")) == {("pending", 1)}
    rows = await stage.rows("SELECT lane, count(DISTINCT wave)::int FROM trapline.invocation GROUP BY 1 ORDER BY 1")
    assert rows == [("bulk", 1), ("default", 0), ("fragile", 1), ("walk", 0)]
    assert (await stage.reap()).counts == dict.fromkeys((await stage.reap()).counts, 0)


async def test_an_item_holds_all_that_a_child_needs(stage: Stage) -> None:
    """The child calls the crawler with its line of the object."""
    await stage.open("fragile")
    waves = waves_of(stage)
    (wave,) = waves.started
    ((invocation_id, wave_of_row),) = await stage.rows("SELECT id, wave FROM trapline.invocation")
    assert wave_of_row == wave
    assert list(waves.objects[wave]) == [
        WaveItem.model_validate(
            {"invocation_id": invocation_id, "lane": "fragile", "hop": 0, "via": "queue", "wave": wave}
        )
    ]


@pytest.mark.parametrize("taken", [False, True], ids=["before the start", "after the start"])
async def test_a_dispatcher_that_dies_while_it_asks_starts_one_execution(stage: Stage, taken: bool) -> None:
    """Killed before or after StartExecution: the tick asks again under the same name, and no row is called twice."""
    waves = waves_of(stage)
    waves.answers.append(asyncio.CancelledError())
    waves.taken = taken
    with pytest.raises(asyncio.CancelledError):
        await stage.open("bulk")
    assert await stage.rows(ROWS) == [("created", 1, "map")] * 3
    waves.taken = False
    assert (await stage.reap()).asked_again == 0
    await make_old(stage.database, "invocation", "asked_at", 21)
    assert (await stage.reap()).asked_again == 3
    assert len(set(waves.calls)) == 1
    assert len(waves.calls) == 2
    assert len(waves.ids) == len(set(waves.ids)) == 3
    assert await stage.rows(ROWS) == [("pending", 2, "map")] * 3


async def test_a_dispatcher_that_dies_before_it_asks_leaves_rows_to_the_tick(stage: Stage) -> None:
    """Rows that nobody has asked for are given to an execution by the next tick."""
    await stage.open("bulk")
    await stage.rows("DELETE FROM trapline.invocation")
    await stage.rows("INSERT INTO trapline.invocation (lane, slot, via) VALUES ('bulk', 1, 'map'), ('bulk', 2, 'map')")
    done = await stage.reap()
    assert (done.asked_again, done.asked) == (2, 1)
    assert await stage.rows(ROWS) == [("pending", 1, "map")] * 3


async def test_a_start_without_an_answer_is_repeated(stage: Stage) -> None:
    """Throttled, or the answer lost: the rows stay ``created``, and the same execution is asked for after 20 s."""
    waves = waves_of(stage)
    waves.answers.extend([TransientError("StartExecution: ThrottlingException"), TransientError("again")])
    await stage.open("bulk")
    for _ in range(2):
        assert {row[0] for row in await stage.rows(ROWS)} == {"created"}
        await make_old(stage.database, "invocation", "asked_at", 21)
        await stage.reap()
    assert len(set(waves.calls)) == 1
    assert await stage.rows(ROWS) == [("pending", 3, "map")] * 3


async def test_without_its_machine_a_lane_is_worked_all_the_same(stage: Stage) -> None:
    """The machine was deleted: the rows that were claimed for it are asked for by Invokes at once."""
    waves_of(stage).answers.append(RefusedError("StartExecution: StateMachineDoesNotExist"))
    await stage.open("bulk")
    assert len(set(stage.invoker.ids)) == 3
    assert await stage.rows(ROWS) == [("pending", 1, "map")] * 3


async def test_a_deployment_without_a_machine_asks_for_every_row_itself(stage: Stage) -> None:
    """The lanes were switched before the deployment has what they ask for."""
    stage.waves = stage.durable = None
    for crawl in ("bulk", "fragile", "walk"):
        await stage.open(crawl)
    assert len(stage.invoker.asked) == 5
    assert {row[2] for row in await stage.rows(ROWS)} == {"map", "queue", "durable"}


async def test_a_lane_that_is_switched_while_a_run_is_open_binds_at_the_next_tick(stage: Stage) -> None:
    """Rows that are there keep their way; those that the next counts make go the new one, without a new run."""
    stage.limits_by_config = True
    await stage.open("bulk")
    stage.configure(
        CONFIG.replace("tasks_per_invocation: 1, orchestrator: step_functions}", "tasks_per_invocation: 1}")
    )
    await stage.rows("UPDATE trapline.invocation SET status = 'failed', ended_at = now() WHERE slot = 1")
    await stage.rows("UPDATE trapline.invocation SET created_at = created_at - interval '11 min', "
                     "ended_at = ended_at - interval '11 min'")  # fmt: skip
    stage.timeouts = EAGER
    assert (await stage.reap()).asked == 1
    assert [row[2] for row in await stage.rows(ROWS)] == ["map", "map", "map", "event"]
    assert len(stage.invoker.asked) == 1
    assert len(waves_of(stage).started) == 1


async def test_an_execution_that_is_stopped_is_replaced(stage: Stage) -> None:
    """What it had not called is counted anew, in a new execution; the crawler that works goes on."""
    await stage.open("bulk")
    waves = waves_of(stage)
    (wave,) = waves.started
    held = await ready(stage, waves.ids[0], "child-1")
    await tasks.lease_share(stage.database, held, share=1, another=False)
    assert await stage.handle(WaveEnded(wave=wave, status="ABORTED")) == WaveGivenUp(orphaned=2, asked=2)
    assert await stage.handle(WaveEnded(wave=wave, status="ABORTED")) == WaveGivenUp(orphaned=0, asked=0)
    assert sorted(await stage.invocations()) == ["orphaned", "orphaned", "pending", "pending", "running"]
    assert len(waves.started) == 2
    assert len(waves.objects[waves.started[1]]) == 2
    assert await stage.handle(WaveEnded(wave=uuid4(), status="FAILED")) == WaveGivenUp(orphaned=0, asked=0)


async def test_a_crawler_that_died_in_a_child_fails_when_it_is_silent(stage: Stage) -> None:
    """The child that called reports the function's own end: its tasks go back after two heartbeats, not after 45 s."""
    await stage.open("bulk")
    waves = waves_of(stage)
    held = await ready(stage, waves.ids[0], "child-1")
    (task,) = await tasks.lease_share(stage.database, held, share=1, another=False)
    await tasks.start(stage.database, task.lease)
    await make_old(stage.database, "invocation", "heartbeat_at", BELIEVED_AFTER)
    cause = '{"errorMessage": "RequestId: x Error: Runtime exited", "stackTrace": ["https://docs.example/secret"]}'
    lost = Lost(invocation_id=held.invocation_id, error="Runtime.ExitError", cause=cause, delivery="child-1")
    assert await stage.handle(lost) == FailuresRecorded(failed=1, ended=0)
    assert await stage.handle(lost) == FailuresRecorded(failed=0, ended=0)
    assert await stage.rows("SELECT reason, detail FROM trapline.invocation WHERE status = 'failed'") == [
        ("Runtime.ExitError", "RequestId: x Error: Runtime exited")
    ]
    assert await stage.rows("SELECT status::text, rescues FROM trapline.task ORDER BY id LIMIT 1") == [("created", 1)]
    assert sorted(await stage.invocations()) == ["failed", "pending", "pending", "pending"]


@pytest.mark.parametrize(
    ("error", "delivery", "status"),
    [
        ("Runtime.ExitError", "child-2", "running"),
        ("Runtime.ExitError", None, "running"),
        ("Lambda.SdkClientException", "child-1", "running"),
        ("Lambda.Unknown", "child-1", "running"),
        ("States.Timeout", "child-1", "running"),
        ("", "child-1", "running"),
        ("LedgerUnavailableError", "child-1", "failed"),
        ("Sandbox.Timedout", "child-1", "failed"),
    ],
)
async def test_what_leaves_open_whether_the_crawler_ended_is_left_to_its_heartbeats(
    stage: Stage, error: str, delivery: str | None, status: str
) -> None:
    """Another child's report, or a call that was cut off: the one that works keeps its tasks."""
    await stage.open("fragile")
    held = await ready(stage, waves_of(stage).ids[0], "child-1")
    await tasks.lease_share(stage.database, held, share=1, another=False)
    await make_old(stage.database, "invocation", "heartbeat_at", BELIEVED_AFTER)
    await stage.handle(Lost(invocation_id=held.invocation_id, error=error, cause="no", delivery=delivery))
    assert (await stage.rows(ROWS))[0][0] == status


async def test_a_request_id_in_the_cause_names_the_delivery_too(stage: Stage) -> None:
    """Where the row has no child's name, Lambda's own id tells that it is the one."""
    await stage.open("fragile")
    request = str(uuid4())
    held = await make_ready(stage.database, InvocationId(waves_of(stage).ids[0]), request_id=request)
    await make_old(stage.database, "invocation", "heartbeat_at", BELIEVED_AFTER)
    cause = f'{{"errorMessage": "RequestId: {request} Error: Runtime exited with error: signal: killed"}}'
    lost = Lost(invocation_id=held.invocation_id, error="Runtime.ExitError", cause=cause)
    assert (await stage.handle(lost)).failed == 1


async def test_a_throttled_call_fails_its_row_before_it_held_a_task(stage: Stage) -> None:
    """No crawler has begun: the row fails, its lane is counted anew, and false starts slow it as ever."""
    await stage.open("fragile")
    (first,) = waves_of(stage).ids
    throttled = {"error": "Lambda.TooManyRequestsException", "cause": "Rate Exceeded", "delivery": "child-1"}
    assert (await stage.handle(Lost(invocation_id=first, **throttled))).failed == 1
    assert [row[0] for row in await stage.rows(ROWS)] == ["failed", "pending"]
    assert await stage.rows("SELECT detail FROM trapline.invocation WHERE status = 'failed'") == [("Rate Exceeded",)]


async def test_a_child_calls_one_after_the_other(stage: Stage) -> None:
    """Its crawler ended and tasks wait: it is handed the next, until nothing is missing; then the lane is counted."""
    await stage.open("bulk")
    waves = waves_of(stage)
    (wave,) = waves.started
    held = await ready(stage, waves.ids[0], "child-1")
    await tasks.lease_share(stage.database, held, share=1, another=False)
    await stage.rows("UPDATE trapline.task SET status = 'created' WHERE status = 'leased'")
    assert await invocations.succeed(stage.database, held)
    asking = Next(lane="bulk", wave=wave, delivery="child-1")
    given = await stage.handle(asking)
    assert isinstance(given, NextItem)
    assert given.item is not None
    assert (given.item.wave, given.item.via, given.item.lane) == (wave, "map", "bulk")
    assert await stage.handle(asking) == given
    assert await stage.handle(Next(lane="bulk", wave=wave, delivery="child-2")) == NextItem(item=None)
    assert await stage.count(lane="bulk") == Counted(asked=0)
    assert len(waves.calls) == 1
