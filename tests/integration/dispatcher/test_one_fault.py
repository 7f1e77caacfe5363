"""One fault costs one thing: a lane, a run, a record or a job of the tick that raises is told, and the rest goes on."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import structlog

from support.dispatcher_stage import EAGER, Stage
from support.failure_records import crashed, record, report
from support.ledger import LANE, location, make_old, make_ready
from trapline_common.domain.answers import Refused
from trapline_common.domain.errors import JobsFailedError, TransientError
from trapline_common.domain.ids import InvocationId, LaneName, RunId
from trapline_common.domain.messages import Enqueue, OpenRun
from trapline_common.ledger import rescue, runs, tasks
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.retention import Retention
from trapline_dispatcher.runs.opening import MOST_BROKEN

TWO_LANES = """
lanes:
  a-first: {max_invocations: 1}
  b-second: {max_invocations: 1}
crawls:
  one: {lane: a-first, urls: [https://a.example/1], alert: {on: [failure, summary], after_failures: 1, to: [team]}}
  two: {lane: b-second, urls: [https://b.example/1]}
"""
TASKS = "SELECT lane, status::text, rescues FROM trapline.task ORDER BY lane"
BROKEN_FUNCTION = """
CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'out of order' USING ERRCODE = 'data_exception'; END $$;
"""

UNREADABLE = {
    "a newer value": """jsonb_set(config, '{screenshot}', '"always"')""",
    "another type": "jsonb_set(config, '{retries}', '[1]')",
    "a newer kind of alert": """jsonb_set(config, '{alert,on}', '["failure", "smoke"]')""",
    "an alert that is no map": "jsonb_set(config, '{alert}', '7')",
    "no map at all": "'[]'::jsonb",
    "a name that this release refuses": """jsonb_set(config, '{name}', '"No Name!"')""",
}


async def _dead(stage: Stage) -> dict[str, Held]:
    """Let both crawlers start their task, and die."""
    stage.configure(TWO_LANES)
    held = {}
    for crawl in ("one", "two"):
        await stage.open(crawl)
    for invocation, lane in await stage.rows("SELECT id, lane FROM trapline.invocation"):
        held[lane] = await make_ready(stage.database, InvocationId(invocation))
        for task in await tasks.lease_share(stage.database, held[lane], share=1, another=False):
            await tasks.start(stage.database, task.lease)
    await make_old(stage.database, "invocation", "heartbeat_at", 3600)
    return held


async def _break(stage: Stage, what: str) -> None:
    await stage.rows(BROKEN_FUNCTION)
    await stage.rows(f"CREATE TRIGGER broken BEFORE {what} FOR EACH ROW EXECUTE FUNCTION broken()")


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_poison_task_of_a_config_that_cant_be_read_ends(stage: Stage, change: str) -> None:
    """Whichever release froze its run's config: it fails with its alert, its run ends, and the next lane goes on."""
    await _dead(stage)
    await stage.rows(f"UPDATE trapline.run SET config = {change} WHERE crawl = 'one'")
    await stage.rows("UPDATE trapline.task SET rescues = 2 WHERE lane = 'a-first'")
    done = await stage.reap()
    assert (done.orphaned, done.poisoned, done.returned, done.ended) == (2, 1, 1, 1)
    assert await stage.rows(TASKS) == [("a-first", "failed", 2), ("b-second", "created", 1)]
    kinds = await stage.rows("SELECT kind FROM trapline.alert WHERE status = 'due' AND kind = 'failure'")
    assert kinds == [("failure",)]
    assert ("one", "ended", "completed") in await stage.runs()


async def test_what_of_the_alerts_can_be_read_is_kept(stage: Stage) -> None:
    """Only ``screenshot`` is of another release: the alert goes to the channel that the crawl names."""
    await _dead(stage)
    await stage.rows(f"UPDATE trapline.run SET config = {UNREADABLE['a newer value']} WHERE crawl = 'one'")
    await stage.rows("UPDATE trapline.task SET rescues = 2 WHERE lane = 'a-first'")
    await stage.reap()
    assert await stage.rows("SELECT kind, recipients FROM trapline.alert WHERE status = 'due' ORDER BY id") == [
        ("failure", ["team"]),
        ("summary", ["team"]),
    ]


async def test_a_poison_task_whose_result_cant_be_written_ends_without_one(stage: Stage) -> None:
    """The database refuses the result itself: the task ends ``failed`` with both reasons, and the log has the error."""
    await _dead(stage)
    await stage.rows("UPDATE trapline.task SET rescues = 2 WHERE lane = 'a-first'")
    await _break(stage, "INSERT ON trapline.observation")
    with structlog.testing.capture_logs() as logs:
        done = await stage.reap()
    assert (done.poisoned, done.returned, done.ended) == (1, 1, 1)
    ((reason, detail),) = await stage.rows("SELECT reason, detail FROM trapline.task WHERE status = 'failed'")
    assert reason == "poison"
    assert detail.startswith("3 invocations that took it died while it loaded; ResultRefusedError: its result can't be")
    assert detail.endswith("out of order")
    assert "poison_not_recorded" in [line["event"] for line in logs if line["log_level"] == "error"]


async def test_a_rescue_cut_off_before_the_poison_was_recorded_goes_on(stage: Stage) -> None:
    """The dispatcher dies between the two: the lane has no waiting task and no active invocation, and is found."""
    held = (await _dead(stage))["a-first"]
    await stage.rows("UPDATE trapline.task SET rescues = 2 WHERE lane = 'a-first'")
    await stage.rows(
        "UPDATE trapline.invocation SET status = 'orphaned', ended_at = now() WHERE id = $1", held.invocation_id
    )
    assert (await stage.reap()).poisoned == 1
    assert ("one", "ended", "completed") in await stage.runs()


async def test_a_lane_whose_rescue_raises_keeps_no_other_waiting(stage: Stage) -> None:
    """Postgres refuses the writes of one lane: the other's tasks go back, and the error is raised at the end."""
    await _dead(stage)
    await stage.rows(BROKEN_FUNCTION)
    await stage.rows(
        "CREATE TRIGGER broken BEFORE UPDATE ON trapline.task FOR EACH ROW WHEN (OLD.lane = 'a-first') "
        "EXECUTE FUNCTION broken()"
    )
    asked = len(stage.invoker.asked)
    with (
        structlog.testing.capture_logs() as logs,
        pytest.raises(JobsFailedError, match=r"rescue in lane a-first: .*out of order"),
    ):
        await stage.reap()
    assert await stage.rows(TASKS) == [("a-first", "leased", 0), ("b-second", "created", 1)]
    assert [message["lane"] for message in stage.invoker.asked[asked:]] == ["b-second"]
    (line,) = [line for line in logs if line["event"] == "job_failed"]
    assert (line["job"], line["log_level"]) == ("rescue in lane a-first", "error")


async def test_a_lane_whose_count_raises_keeps_no_other_waiting(stage: Stage) -> None:
    """The same of the count, also where a crawler's nudge asks for all lanes."""
    await _dead(stage)
    await stage.rows(BROKEN_FUNCTION)
    await stage.rows(
        "CREATE TRIGGER broken BEFORE INSERT ON trapline.invocation FOR EACH ROW WHEN (NEW.lane = 'a-first') "
        "EXECUTE FUNCTION broken()"
    )
    asked = len(stage.invoker.asked)
    with pytest.raises(JobsFailedError, match="count of lane a-first"):
        await stage.reap()
    with pytest.raises(JobsFailedError, match="count of lane a-first"):
        await stage.count()
    assert {message["lane"] for message in stage.invoker.asked[asked:]} == {"b-second"}


async def test_a_lane_that_costs_the_connection_costs_no_other_lane(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lane's statement ends with the connection gone: the rest of the tick goes on with another."""
    await _dead(stage)
    reap_lane = rescue.reap_lane

    async def lost(database: object, lane: LaneName, **more: object) -> rescue.Rescue:
        if lane == "a-first":
            await database.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return await reap_lane(database, lane, **more)

    monkeypatch.setattr(rescue, "reap_lane", lost)
    with pytest.raises(JobsFailedError, match="rescue in lane a-first"):
        await stage.reap()
    assert await stage.rows(TASKS) == [("a-first", "leased", 0), ("b-second", "created", 1)]


async def test_a_run_that_cant_be_ended_keeps_no_other_open(stage: Stage) -> None:
    """Its summary is refused by the database: it stays open and is told; the other run ends in the same tick."""
    stage.configure(TWO_LANES)
    for crawl in ("one", "two"):
        await stage.open(crawl)
    await stage.end_runs()
    await stage.rows(BROKEN_FUNCTION)
    await stage.rows(
        "CREATE TRIGGER broken BEFORE INSERT ON trapline.alert FOR EACH ROW WHEN (NEW.crawl = 'one') "
        "EXECUTE FUNCTION broken()"
    )
    with pytest.raises(JobsFailedError, match="end run 1"):
        await stage.reap()
    assert await stage.runs() == [("one", "open", None), ("two", "ended", "completed")]


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_run_of_a_config_that_cant_be_read_ends_and_is_cancelled(stage: Stage, change: str) -> None:
    """Neither its end nor a cancel reads more of it than its alerts; no page is added: it may hold a page's secrets."""
    stage.configure(TWO_LANES)
    for crawl in ("one", "two"):
        await stage.open(crawl)
    await stage.rows(f"UPDATE trapline.run SET config = {change}")
    added = await stage.handle(Enqueue(run_id=1, urls=("https://a.example/2",)))
    assert "can't read the config of run 1" in added.reason
    assert len(await stage.runs()) == 2
    assert await runs.cancel(stage.database, RunId(1)) == 1
    await stage.end_runs()
    assert (await stage.reap()).ended == 1
    assert await stage.runs() == [("one", "ended", "cancelled"), ("two", "ended", "completed")]


async def test_a_retry_of_a_config_that_cant_be_read_is_refused_in_words(stage: Stage) -> None:
    """Nothing is opened, and the platform has nothing to retry."""
    stage.configure(TWO_LANES)
    await stage.open("one")
    await stage.rows("UPDATE trapline.task SET status = 'failed', ended_at = now()")
    await stage.reap()
    await stage.rows(f"UPDATE trapline.run SET config = {UNREADABLE['a newer value']}")
    answer = await stage.handle(OpenRun(crawl="one", request=uuid4(), retry_of=1))
    assert isinstance(answer, Refused)
    assert "screenshot" in answer.reason
    assert len(await stage.runs()) == 1


async def test_an_opening_that_always_raises_is_refused_and_told(stage: Stage) -> None:
    """The database refuses its tasks each time: a few attempts, a tick apart; then it ends with its summary alert."""
    stage.timeouts = EAGER
    stage.configure(TWO_LANES)
    await _break(stage, "INSERT ON trapline.task")
    with pytest.raises(Exception, match="out of order"):
        await stage.open("one")
    for _ in range(MOST_BROKEN - 1):
        with pytest.raises(JobsFailedError, match="opening of run 1"):
            await stage.reap()
    assert await stage.runs() == [("one", "opening", None)]
    await stage.reap()
    assert await stage.runs() == [("one", "ended", "refused")]
    ((kind, detail),) = await stage.rows("SELECT kind, payload->>'detail' FROM trapline.alert")
    assert (kind, detail) == ("summary", f"given up after {MOST_BROKEN} attempts: DataError: out of order")
    assert stage.nudger.to("notifier")
    await stage.reap()


async def test_an_opening_that_is_cut_off_each_time_is_refused(stage: Stage) -> None:
    """Its dispatcher is killed at every attempt, by a function's time-out for one: the attempts are counted first."""
    stage.timeouts = EAGER
    stage.configure(TWO_LANES)
    await _break(stage, "INSERT ON trapline.task")
    with pytest.raises(Exception, match="out of order"):
        await stage.open("one")
    await stage.rows("DROP FUNCTION broken CASCADE")
    await stage.rows("UPDATE trapline.run SET tries = 20")
    await make_old(stage.database, "run", "created_at", 4000)
    await stage.reap()
    assert await stage.runs() == [("one", "ended", "refused")]
    ((reason,),) = await stage.rows("SELECT reason FROM trapline.run")
    assert "20 attempts to work out its pages were cut off" in reason


async def test_a_failure_record_that_raises_stops_no_other(stage: Stage) -> None:
    """The second record is taken, its lane is counted, and the batch is raised, so that the first comes again."""
    stage.configure(TWO_LANES)
    for crawl in ("one", "two"):
        await stage.open(crawl)
    ids = dict(await stage.rows("SELECT lane, id FROM trapline.invocation"))
    await stage.rows(BROKEN_FUNCTION)
    await stage.rows(
        "CREATE TRIGGER broken BEFORE UPDATE ON trapline.invocation FOR EACH ROW WHEN (OLD.lane = 'a-first') "
        "EXECUTE FUNCTION broken()"
    )
    records = [record(ids[lane], request_id="x", **crashed()) for lane in ("a-first", "b-second")]
    with pytest.raises(JobsFailedError, match=f"failure record of invocation {ids['a-first']}"):
        await report(stage, *records)
    assert await stage.rows(
        "SELECT status::text FROM trapline.invocation WHERE lane = 'b-second' ORDER BY created_at"
    ) == [
        ("failed",),
        ("pending",),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"requestContext": ' * 50_000,
        "null",
        '"text"',
        json.dumps({"requestContext": {"condition": "x"}, "requestPayload": {"v": 10**400}}),
        json.dumps({"requestContext": {"condition": "\ud800\x00"}, "requestPayload": []}),
    ],
    ids=["deep list", "deep map", "null", "text", "a huge version", "a list"],
)
async def test_a_malformed_record_is_dropped_whatever_it_is(stage: Stage, body: str) -> None:
    """It is logged and never raised: raising would bring it back, with its whole batch."""
    await stage.open("other")
    expired = record(stage.invoker.ids[0], request_id="never-ran", condition="EventAgeExceeded")
    assert (await report(stage, {"body": body}, expired)).failed == 1


async def test_an_archive_that_is_away_for_a_day_is_asked_for_seldom(stage: Stage) -> None:
    """Each run's next attempt comes later, a tick gives up after a few, and the log says what retention waits for."""
    stage.configure(TWO_LANES)
    for _ in range(5):
        await stage.open("two")
        await stage.end_runs()
        await stage.reap()
    away = Away()
    stage.archive, stage.retention = away, Retention(days=1, archived_only=True)
    await make_old(stage.database, "run", "ended_at", 2 * 86_400)
    with structlog.testing.capture_logs() as logs, pytest.raises(TransientError, match="no such bucket"):
        await stage.reap()
    assert away.asked == 3
    assert [line["runs"] for line in logs if line["event"] == "retention_waits"] == [5]
    with pytest.raises(TransientError, match="no such bucket"):
        await stage.reap()
    assert away.asked == 5
    await stage.rows("UPDATE trapline.run SET archive_tries = 6, archiving_at = now() - interval '59 min'")
    await stage.reap()
    assert away.asked == 5
    await make_old(stage.database, "run", "archiving_at", 61)
    with pytest.raises(TransientError, match="no such bucket"):
        await stage.reap()
    assert away.asked == 8
    assert len(await stage.runs()) == 5


class Away:
    """An archive that is away."""

    def __init__(self) -> None:
        self.asked = 0

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        self.asked += 1
        raise TransientError("no such bucket")


async def test_a_lane_that_is_gone_from_the_config_is_still_worked_on(stage: Stage) -> None:
    """Its row stays, and with it what it still holds: a count of it asks, and one of an unknown name asks nothing."""
    await _dead(stage)
    stage.configure("lanes:\n  b-second: {}\ncrawls:\n  two: {lane: b-second, urls: [https://b.example/1]}\n")
    assert (await stage.reap()).returned == 2
    assert {message["lane"] for message in stage.invoker.asked} == {"a-first", "b-second"}
    assert (await rescue.reap_lane(stage.database, LaneName("nowhere"), location=location)) == rescue.Rescue()
    assert LANE not in {lane for (lane,) in await stage.rows("SELECT name FROM trapline.lane")}
