"""Who waits for a run's end with a task token, and what is announced of it: at once, by the tick, and on a refusal."""

from uuid import UUID, uuid4

import pytest

from support.adapters import MemoryAnnouncer, MemoryWaiters
from support.dispatcher_stage import AT, EAGER, Stage
from support.ledger import make_old, make_ready
from trapline_common.domain.answers import Awaited, Refused
from trapline_common.domain.errors import TransientError
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import Await, OpenRun, Tick
from trapline_common.ledger import answering

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:nightly:one"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A deployment with a bus, in which state machines wait."""
    stage.waiters, stage.announcer = MemoryWaiters(), MemoryAnnouncer()
    return stage


def told(stage: Stage) -> list[tuple[str, object, str | None]]:
    """Return what each token was told: its run's outcome, and the name of a failure."""
    assert stage.waiters is not None
    return [(token, output.get("outcome"), error) for token, output, error in stage.waiters.told]


def announced(stage: Stage) -> list[tuple[int, str]]:
    """Return each run whose end was announced, with its outcome."""
    assert stage.announcer is not None
    return [(one.run_id, one.outcome) for one in stage.announcer.told]


def opening(token: str, *, request: UUID | None = None, crawl: str = "other") -> OpenRun:
    """Return the message of a machine that opens a run and waits for it."""
    return OpenRun(crawl=crawl, request=request or uuid4(), task_token=token, execution=EXECUTION)


async def test_who_opened_a_run_is_answered_at_its_end(stage: Stage) -> None:
    """The run's tasks end, the tick ends the run, and the execution goes on with what came of it."""
    await stage.handle(opening("a"))
    await stage.end_runs()
    stage.timeouts = EAGER
    done = await stage.reap()
    assert (done.ended, done.answered, done.told) == (1, 1, 1)
    assert told(stage) == [("a", "completed", None)]
    assert announced(stage) == [(1, "completed")]
    assert (await stage.reap()).counts == dict.fromkeys(done.counts, 0)
    assert await stage.rows("SELECT execution FROM trapline.waiter") == [(EXECUTION,)]


async def test_a_message_delivered_twice_waits_twice_for_one_run(stage: Stage) -> None:
    """A retry of the machine brings a new token: one run is opened, and both tokens hear of it."""
    request = uuid4()
    await stage.handle(opening("a", request=request))
    assert (await stage.handle(opening("b", request=request))).repeated
    await stage.end_runs()
    stage.timeouts = EAGER
    await stage.reap()
    assert sorted(told(stage)) == [("a", "completed", None), ("b", "completed", None)]
    assert (await stage.handle(opening("c", request=request))).status == "ended"
    assert told(stage)[-1] == ("c", "completed", None)


async def test_a_tick_that_is_skipped_is_answered_at_once(stage: Stage) -> None:
    """The crawl's last run is still open: the execution hears ``skipped``, and the world too."""
    await stage.open("other")
    await stage.handle(Tick.model_validate({"crawl": "other", "scheduled_for": AT, "task_token": "a"}))
    assert told(stage) == [("a", "skipped", None)]
    assert announced(stage) == [(2, "skipped")]


async def test_a_message_that_is_refused_answers_its_token(stage: Stage) -> None:
    """No such crawl: who waits is told why, and does not wait a day for a run that never comes."""
    answer = await stage.handle(opening("a", crawl="nope"))
    assert isinstance(answer, Refused)
    assert stage.waiters is not None
    assert stage.waiters.told == [("a", {"v": 1, "reason": answer.reason}, "Refused")]
    broken = {"type": "open", "crawl": "other", "request": "no uuid", "task_token": "b"}
    assert isinstance(await stage.handle(broken), Refused)
    assert told(stage)[-1] == ("b", None, "Refused")
    stage.waiters.answers.append(TransientError("ThrottlingException"))
    with pytest.raises(TransientError):
        await stage.handle(opening("c", crawl="nope"))


async def test_other_peoples_machines_wait_for_a_run_that_is_there(stage: Stage) -> None:
    """By its number or by its request, before its end or after it."""
    request = uuid4()
    await stage.open("other", request=request)
    assert await stage.handle(Await(run_id=1, task_token="a")) == Awaited(run_id=1, ended=False)
    assert await stage.handle(Await(request=request, task_token="b")) == Awaited(run_id=1, ended=False)
    await stage.end_runs()
    stage.timeouts = EAGER
    await stage.reap()
    assert await stage.handle(Await(run_id=1, task_token="c")) == Awaited(run_id=1, ended=True)
    assert told(stage) == [(token, "completed", None) for token in "abc"]
    for nobody in (Await(run_id=7, task_token="d"), Await(request=uuid4(), task_token="e")):
        assert isinstance(await stage.handle(nobody), Refused)
    assert [told[2] for told in told(stage)[-2:]] == ["Refused", "Refused"]


async def test_a_sitemap_that_is_away_keeps_who_waits(stage: Stage) -> None:
    """The opening is put off: the token is noted already, and hears the end of the run that the tick resumes."""
    stage.configure("crawls: {map: {sitemap: 'http://127.0.0.1:9/s.xml'}}")
    with pytest.raises(TransientError):
        await stage.handle(opening("a", crawl="map"))
    await stage.rows("UPDATE trapline.run SET status = 'ended', outcome = 'refused', ended_at = now()")
    stage.timeouts = EAGER
    await stage.reap()
    assert told(stage) == [("a", "refused", None)]


async def test_what_can_not_be_told_now_is_told_by_the_next_tick(stage: Stage) -> None:
    """Answers and announcements that fail stop nothing else of the tick, and are repeated; each arrives."""
    assert stage.waiters is not None
    assert stage.announcer is not None
    await stage.handle(opening("a"))
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))
    await answering.note_token(stage.database, held.invocation_id, "of the invocation")
    await make_old(stage.database, "invocation", "heartbeat_at", 46)
    await stage.end_runs()
    stage.timeouts = EAGER
    away = TransientError("away")
    stage.waiters.answers.extend([away, away])
    stage.announcer.answers.append(away)
    done = await stage.reap()
    assert (done.orphaned, done.ended, done.answered, done.told) == (1, 1, 0, 0)
    done = await stage.reap()
    assert (done.answered, done.told) == (2, 1)
    assert told(stage) == [("of the invocation", None, "orphaned"), ("a", "completed", None)]


async def test_without_a_bus_no_end_is_kept_as_news(stage: Stage) -> None:
    """A deployment that gets its bus later announces no run that ended before."""
    announcer, stage.announcer = stage.announcer, None
    await stage.open("other")
    await stage.end_runs()
    assert (await stage.reap()).told == 0
    stage.announcer = announcer
    stage.timeouts = EAGER
    assert (await stage.reap()).told == 0
    assert announced(stage) == []
