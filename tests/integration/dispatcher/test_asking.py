"""Asking Lambda: once for each invocation that the count wants, with any answer or none."""

import asyncio

import pytest

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old, make_ready
from support.races import PATIENCE, until_blocked
from trapline_common.config.load import parse_config
from trapline_common.domain.errors import LedgerUnavailableError, RefusedError, TransientError
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import parse_crawl
from trapline_common.ledger.connection import Database

ROW = "SELECT status::text, asks, asked_at IS NOT NULL FROM trapline.invocation ORDER BY slot"


async def test_an_accepted_event_is_pending_and_holds_all_the_crawler_needs(stage: Stage) -> None:
    """Lambda accepted: ``created -> pending``. The message names the row, its lane and its hop."""
    assert (await stage.open("other")).asked == 1
    assert await stage.rows(ROW) == [("pending", 1, True)]
    (message,) = (parse_crawl(event) for event in stage.invoker.asked)
    assert await stage.rows("SELECT id, lane, hop FROM trapline.invocation") == [(message.invocation_id, "default", 0)]
    assert message.lane == "default"


async def test_the_cap_holds_and_what_is_asked_for_is_counted(stage: Stage) -> None:
    """Events, nudges and reaps on top of each other ask for no invocation twice and for none beyond the need."""
    await stage.open("docs")
    await stage.open("other")
    await asyncio.gather(stage.reap(), stage.count(), stage.count(lane="default"))
    assert await stage.invocations() == ["pending", "pending"]
    assert len(stage.invoker.asked) == 2


async def test_a_refusal_for_good_fails_the_row_with_its_reason(stage: Stage) -> None:
    """No such function: the row is ``failed``, and the next reap counts anew and asks for another."""
    stage.invoker.answers.append(RefusedError("Invoke: ResourceNotFoundException"))
    await stage.open("other")
    assert await stage.rows("SELECT status::text, reason, detail FROM trapline.invocation") == [
        ("failed", "refused", "Invoke: ResourceNotFoundException")
    ]
    assert (await stage.reap()).asked == 1
    assert sorted(await stage.invocations()) == ["failed", "pending"]


async def test_an_unknown_answer_is_asked_again_with_the_same_id_when_it_is_old(stage: Stage) -> None:
    """Throttled, or the response lost: the row stays ``created``; after 20 s the same one is asked for again."""
    stage.invoker.answers.append(TransientError("Invoke: TooManyRequestsException"))
    await stage.open("other")
    assert await stage.rows(ROW) == [("created", 1, True)]
    assert (await stage.reap()).asked_again == 0
    assert len(stage.invoker.asked) == 1
    await make_old(stage.database, "invocation", "asked_at", 21)
    assert (await stage.reap()).asked_again == 1
    assert stage.invoker.ids[0] == stage.invoker.ids[1]
    assert await stage.rows(ROW) == [("pending", 2, True)]


async def test_a_crash_before_invoke_is_asked_for_by_reap(stage: Stage) -> None:
    """The next tick asks for a row that no dispatcher asked for yet, without waiting."""
    await stage.open("other")
    await stage.rows("UPDATE trapline.task SET run_at = now() WHERE status = 'created'")
    await stage.rows("DELETE FROM trapline.invocation")
    await stage.rows("INSERT INTO trapline.invocation (lane, slot) VALUES ('default', 1)")
    done = await stage.reap()
    assert (done.asked_again, done.asked) == (1, 0)
    assert await stage.rows(ROW) == [("pending", 1, True)]


async def test_a_crash_after_the_202_delivers_the_event_twice_and_starts_one(stage: Stage) -> None:
    """Killed between the 202 and ``pending``: asked again later; the crawler's ``ready`` lets one delivery win."""

    async def die() -> None:
        raise asyncio.CancelledError

    stage.invoker.answers.append(die)
    with pytest.raises(asyncio.CancelledError):
        await stage.open("other")
    assert await stage.rows(ROW) == [("created", 1, True)]
    await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))
    await make_old(stage.database, "invocation", "asked_at", 21)
    assert (await stage.reap()).asked_again == 0
    assert await stage.invocations() == ["ready"]


async def test_ready_before_pending_stays_ready(stage: Stage) -> None:
    """The function is up before Invoke's answer is: the dispatcher's ``pending`` changes nothing."""

    async def start_at_once() -> None:
        await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))

    stage.invoker.answers.append(start_at_once)
    assert (await stage.open("other")).asked == 1
    assert await stage.invocations() == ["ready"]


async def test_while_a_slow_dispatcher_asks_reap_does_not(stage: Stage) -> None:
    """A claim that is not old keeps the reaper away; and an old one, claimed by four at once, is asked for by one."""
    answer, began = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        began.set()
        await answer.wait()

    stage.invoker.answers.append(slow)
    opening = asyncio.create_task(stage.open("other"))
    await asyncio.wait_for(began.wait(), PATIENCE)
    assert (await stage.reap()).asked_again == 0
    assert len(stage.invoker.asked) == 1
    await make_old(stage.database, "invocation", "asked_at", 21)
    async with await Database.connect(stage.dsn) as holder, holder.transaction():
        await holder.connection.execute("SELECT 1 FROM trapline.invocation FOR UPDATE")
        reaps = [asyncio.create_task(stage.reap()) for _ in range(4)]
        await until_blocked(stage.database, 4)
    assert sorted(done.asked_again for done in await asyncio.gather(*reaps)) == [0, 0, 0, 1]
    assert len(stage.invoker.asked) == 2
    answer.set()
    await opening
    assert await stage.rows(ROW) == [("pending", 2, True)]


async def test_one_refusal_keeps_no_other_invocation_from_being_asked_for(stage: Stage) -> None:
    """Of two invocations one is refused: the other is asked for all the same."""
    stage.invoker.answers.extend([RefusedError("no"), None])
    await stage.open("docs")
    assert sorted(await stage.invocations()) == ["failed", "pending"]


async def test_a_ledger_lost_while_asking_is_raised_after_every_asker_ended(stage: Stage) -> None:
    """The connection goes in the middle: the error is raised to the platform, and no Invoke goes on behind its back."""
    began, answered = asyncio.Event(), asyncio.Event()

    async def cut() -> None:
        await asyncio.wait_for(began.wait(), PATIENCE)
        await stage.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    async def late() -> None:
        began.set()
        await asyncio.sleep(0.1)  # an answer that comes after the other asker has failed
        answered.set()

    stage.invoker.answers.extend([cut, late])
    with pytest.raises(LedgerUnavailableError):
        await stage.open("docs")
    assert answered.is_set()
    assert await stage.invocations() == ["created", "created"]
    stage.timeouts = EAGER
    assert (await stage.reap()).asked_again == 2
    assert await stage.invocations() == ["pending", "pending"]


async def test_this_machine_may_lower_every_lanes_cap(stage: Stage) -> None:
    """``at_most`` bounds what is asked for, as the one-machine runtime needs."""
    stage.at_most = 1
    assert (await stage.open("docs")).asked == 1
    assert (await stage.count(lane="default")).asked == 0


async def test_this_machine_may_bound_its_pages(stage: Stage) -> None:
    """``pages`` bounds them by what each crawler of the lane loads at once, and leaves a crawler where that is more."""
    stage.config = parse_config(
        "lanes: {few: {tasks_per_invocation: 1, pages_in_flight: 2}, many: {tasks_per_invocation: 1, "
        "pages_in_flight: 9}}\n"
        "crawls: {a: {lane: few, urls: [http://a.example/1, http://a.example/2, http://a.example/3, "
        "http://a.example/4]}, b: {lane: many, urls: [http://a.example/1, http://a.example/2]}}",
        "crawls.yaml",
    )
    stage.pages = 5
    assert (await stage.open("a")).asked == 3
    assert (await stage.open("b")).asked == 1
