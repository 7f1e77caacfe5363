"""An invocation that a child execution called: its token is noted before ``ready``, kept alive, and answered once."""

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from support.adapters import MemoryAnnouncer, MemoryWaiters
from support.crawler_stage import Stage
from support.ledger import LANE, location, urls
from trapline_common.config.models import LaneConfig
from trapline_common.domain.answers import Crawled, Refused
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import announcing, answering, rescue
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_crawler.handler import handle
from trapline_crawler.services import Pace, Services

PAGES = urls(3)
ONE = LaneConfig(max_invocations=1, pages_in_flight=1)
NOTED = "SELECT status::text, task_token, answered_at IS NOT NULL, delivery FROM trapline.invocation"


def waited_for(stage: Stage, waiters: MemoryWaiters) -> Services:
    """Return the services of a crawler that may answer."""
    return replace(stage.services(), waiters=waiters)


async def one(stage: Stage, **values: object) -> Crawl:
    """Return the message of the lane's one invocation, as a child execution sends it."""
    (message,) = await stage.asked()
    return message.model_copy(update={"delivery": "child-1", "task_token": "token-1"} | values)


async def lived(services: Services, event: object) -> dict[str, object]:
    """Let the handler work on an event."""
    context = LocalContext(aws_request_id=str(uuid4()), deadline=Deadline.after(60))
    assert isinstance(event, dict)
    return (await handle(event, context, services)).body()


async def test_the_token_is_noted_before_ready_and_answered_once(stage: Stage) -> None:
    """Queued: the token stands before anything else, the answer follows the end's commit, and no tick repeats it."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    hold = stage.visitor.hold(PAGES[1])
    living = asyncio.create_task(
        lived(waited_for(stage, waiters), {"Records": [{"messageId": "m", "body": json.dumps(message.event())}]})
    )
    await hold.started()
    assert await stage.rows(NOTED) == [("running", "token-1", False, "child-1")]
    assert (waiters.told, waiters.beats) == ([], ["token-1"])
    hold.release.set()
    answer = await living
    assert (answer["done"], answer["due"]) == (3, False)
    ((token, output, error),) = waiters.told
    assert (token, output["status"], output["due"], error) == ("token-1", "succeeded", False, None)
    assert await stage.rows(NOTED) == [("succeeded", "token-1", True, "child-1")]
    assert await answering.answer(stage.database, waiters) == 0
    assert stage.nudger.to("dispatcher") == []


async def test_a_crawler_that_dies_before_ready_leaves_its_token(stage: Stage) -> None:
    """Nothing but the token was written: the row's end by the reaper is answered all the same."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)

    def token() -> object:
        raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        await lived(replace(waited_for(stage, waiters), new_token=token), message.event())
    assert await stage.rows(NOTED) == [("created", "token-1", False, None)]
    await rescue.reap_lane(stage.database, LANE, location=location, pending_ttl=-1)
    assert await answering.answer(stage.database, waiters) == 1
    assert [(token, error) for token, _, error in waiters.told] == [("token-1", "orphaned")]


async def test_signs_of_life_go_on_while_the_work_does(stage: Stage) -> None:
    """Besides our own heartbeats; one that fails costs nothing, and none comes after the end."""
    stage.pace = Pace(linger=0.0, reassurance=0.02)
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    waiters.answers.extend([None, TransientError("throttled")])
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(lived(waited_for(stage, waiters), message.event()))
    await hold.started()
    async with asyncio.timeout(20):
        await waiters.thrice.wait()
    hold.release.set()
    await living
    waiters.thrice.clear()
    await asyncio.sleep(0.1)
    assert not waiters.thrice.is_set()


async def test_a_failed_invocation_is_a_failed_answer_and_raises(stage: Stage) -> None:
    """Who waits hears the status and the reason; who called the function hears the error itself."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    stage.no_visitor = RuntimeError("no browser")
    with pytest.raises(RuntimeError, match="no browser"):
        await lived(waited_for(stage, waiters), message.event())
    ((_, output, error),) = waiters.told
    assert (output["status"], output["reason"], error) == ("failed", "RuntimeError", "failed")


async def test_an_answer_that_gets_lost_is_given_by_the_next_tick(stage: Stage) -> None:
    """The invocation has ended in order, whatever becomes of the answer."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    waiters.answers.extend([None, TransientError("away")])
    assert (await lived(waited_for(stage, waiters), message.event()))["done"] == 3
    assert waiters.told == []
    assert await stage.rows(NOTED) == [("succeeded", "token-1", False, "child-1")]
    assert await answering.answer(stage.database, waiters) == 1
    assert await answering.answer(stage.database, waiters) == 0


async def test_the_newest_token_is_answered(stage: Stage) -> None:
    """A message that comes again, with another token, is a duplicate, and its token is the one to tell."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(lived(waited_for(stage, waiters), message.event()))
    await hold.started()
    again = message.model_copy(update={"task_token": "token-2"})
    assert (await lived(waited_for(stage, waiters), again.event()))["duplicate"] is True
    hold.release.set()
    assert (await living)["done"] == 3
    assert [token for token, _, _ in waiters.told] == ["token-2"]
    assert (await lived(waited_for(stage, waiters), again.event()))["duplicate"] is True
    assert len(waiters.told) == 1


async def test_a_child_of_the_map_hears_whether_more_is_due(stage: Stage) -> None:
    """Without a token: the answer says so, and the crawler nudges nobody, for the child asks for the next itself."""
    await stage.open(PAGES, lane=LaneConfig(max_invocations=1, tasks_per_invocation=1, pages_in_flight=1))
    message = await one(stage, task_token=None)
    stop = asyncio.Event()
    stage.visitor.on_visit = lambda _: stop.set()
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    answer = await handle(message.event(), context, stage.services(), stop)
    assert isinstance(answer, Crawled)
    assert (answer.due, stage.nudger.to("dispatcher")) == (True, [])
    assert await stage.rows(NOTED) == [("succeeded" if answer.shares else "terminated", None, False, "child-1")]


async def test_an_ordinary_invocation_says_nothing_of_what_is_due(stage: Stage) -> None:
    """Nobody called but the dispatcher's event: the answer is as it was, and nobody is told anything."""
    await stage.open(PAGES, lane=ONE)
    (message,) = await stage.asked()
    waiters = MemoryWaiters()
    assert "due" not in await lived(waited_for(stage, waiters), message.event())
    assert (waiters.told, waiters.beats) == ([], [])


async def test_the_end_of_a_run_is_told_by_the_crawler_that_ended_it(stage: Stage) -> None:
    """To who subscribed and to who waits for the run, once, after the commit; no tick tells either again."""
    run = await stage.open(PAGES, lane=ONE)
    waiters, announcer = MemoryWaiters(), MemoryAnnouncer()
    await answering.await_run(stage.database, run, "run-token")
    services = replace(waited_for(stage, waiters), announcer=announcer)
    (message,) = await stage.asked()
    assert (await lived(services, message.event()))["done"] == 3
    assert [(one.run_id, one.outcome, one.done) for one in announcer.told] == [(run, "completed", 3)]
    assert [(token, output["run_id"], error) for token, output, error in waiters.told] == [("run-token", run, None)]
    assert await stage.rows("SELECT told_at >= ended_at FROM trapline.run") == [(True,)]
    assert await announcing.announce(stage.database, announcer) == 0
    assert await answering.answer_runs(stage.database, waiters) == 0


async def test_an_end_that_nobody_hears_of_costs_the_crawler_nothing(stage: Stage) -> None:
    """EventBridge is away: the invocation ends in order, and the next tick announces."""
    await stage.open(PAGES, lane=ONE)
    announcer = MemoryAnnouncer()
    announcer.answers.append(TransientError("away"))
    (message,) = await stage.asked()
    assert (await lived(replace(stage.services(), announcer=announcer), message.event()))["lost"] is False
    assert await stage.invocations() == ["succeeded"]
    assert announcer.told == []
    assert await announcing.announce(stage.database, announcer) == 1


async def test_a_ledger_that_goes_away_leaves_the_answer_to_the_tick(stage: Stage) -> None:
    """The error of the work is the one that is raised, not that of the answer behind it."""
    await stage.open(PAGES, lane=ONE)
    waiters, message = MemoryWaiters(), await one(stage)
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(lived(waited_for(stage, waiters), message.event()))
    await hold.started()
    await stage.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'crawler%'")
    hold.release.set()
    with pytest.raises(LedgerUnavailableError):
        await living
    assert waiters.told == []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"Records": []}, "one record"),
        ({"Records": [{"body": "{}"}, {"body": "{}"}]}, "one record"),
        ({"Records": [{"body": "{"}]}, "Records.0.body"),
        ({"Records": [{}]}, "Records.0.body"),
        ({"Records": [{"body": '{"type": "crawl"}'}]}, "invocation_id"),
        ({"Records": [{"body": "7"}]}, "message"),
    ],
)
async def test_a_record_that_is_no_message_is_refused(stage: Stage, event: dict[str, object], reason: str) -> None:
    """With what is wrong with it, before anything runs."""
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    answer = await handle(event, context, stage.services())
    assert isinstance(answer, Refused)
    assert reason in answer.reason
