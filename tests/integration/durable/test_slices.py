"""An ordered task as a durable function: one invocation and one lease, a step for each slice, unpaid waits between."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from support.alerts import Clock
from support.crawler_stage import Stage
from support.durable_function import DurableFunction
from support.ledger import urls
from support.visitor import LOG_IN, bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.browser.errors import BrowserDiedError
from trapline_crawler.durable_handler import MOST_SLICES, walk
from trapline_crawler.services import Services
from trapline_crawler.work.slice import DurableInvocation

PAGES = urls(9)
TASK = "SELECT status::text, position, failed_pages, rescues, lease_seq FROM trapline.task"
INVOCATIONS = "SELECT status::text, reason, duplicates FROM trapline.invocation ORDER BY created_at"
DELAY = 20.0


def lane(**values: object) -> LaneConfig:
    """Return a durable lane."""
    given = {"orchestrator": "durable", "tasks_per_invocation": 1, "max_invocations": 1}
    return LaneConfig.model_validate(given | values)


def ordered(pages: list[str], **values: object) -> CrawlConfig:
    """Return a crawl of ordered pages."""
    return CrawlConfig.model_validate({"name": "walk", "urls": pages, "ordered": True, "robots": "ignore"} | values)


def paced(stage: Stage, pages: int) -> Callable[[object], Deadline]:
    """Give every call of the function time for so many pages, 60 s each of a clock that only visits move."""
    clock = Clock()

    def visit(_url: str) -> None:
        clock.now += 60

    stage.visitor.on_visit = visit
    return lambda _: Deadline.after(60.0 * pages + 20, clock=clock)


async def test_two_hundred_pages_of_a_slow_host_are_one_invocation(stage: Stage, function: DurableFunction) -> None:
    """200 pages that their host wants 20 s apart: a slice a page, each wait unpaid, one row and one lease."""
    pages = urls(200)
    await stage.open(pages, crawl=ordered(pages), lane=lane(host_delay=DELAY))
    (message,) = await stage.asked()
    ran = await function.run(message.event(), lambda event, context: walk(event, context, stage.services()), within=240)
    assert (ran.status, ran.answer["done"], ran.answer["shares"]) == ("SUCCEEDED", 1, 1)
    assert stage.visitor.visited == pages
    assert await stage.rows(TASK) == [("done", 200, 0, 0, 1)]
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 0)]
    assert await stage.rows("SELECT count(*)::int, count(DISTINCT position)::int FROM trapline.observation") == [
        (200, 200)
    ]
    assert await stage.rows("SELECT outcome::text FROM trapline.run") == [("completed",)]
    assert len(function.lives) == 200
    assert function.lives[-1].skipped.total_seconds() > 199 * (DELAY - 2)
    assert function.orphaned == []
    assert ran.names == ["ready", *[f"{kind}-{number}" for number in range(200) for kind in ("slice", "rest")][:-1]]
    assert await stage.asked() == []


async def test_a_task_longer_than_a_call_goes_on_in_the_next(stage: Stage, function: DurableFunction) -> None:
    """Time for two pages a call: five slices with the session of the page before, one row, one lease."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    deadline = paced(stage, 2)
    ran = await function.run(
        message.event(), lambda event, context: walk(event, context, stage.services(), deadline=deadline)
    )
    assert (ran.status, stage.visitor.visited, len(function.lives)) == ("SUCCEEDED", PAGES, 5)
    assert await stage.rows(TASK) == [("done", 9, 0, 0, 1)]
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 0)]
    restored = [(session.restored or {}).get("seen") for session in stage.visitor.sessions]
    assert restored == [None, PAGES[:2], PAGES[:4], PAGES[:6], PAGES[:8]]
    assert stage.visitor.closed == 5


async def test_before_the_operations_run_out_a_new_invocation_goes_on(stage: Stage, function: DurableFunction) -> None:
    """At the last slice that an execution may have the task goes back, and the lane is counted again."""
    assert 2 * MOST_SLICES + 1 < 3000
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    deadline = paced(stage, 2)

    def two(event, context):
        return walk(event, context, stage.services(), most=2, deadline=deadline)

    ran = await function.run(message.event(), two)
    assert (ran.answer["handed_back"], ran.names) == (1, ["ready", "slice-0", "rest-0", "slice-1"])
    assert await stage.rows(TASK) == [("created", 4, 0, 0, 1)]
    assert [nudge["type"] for nudge in stage.nudger.to("dispatcher")] == ["count"]
    while again := await stage.asked():
        ran = await function.run(again[0].event(), two)
    assert stage.visitor.visited == PAGES
    assert await stage.rows(TASK) == [("done", 9, 0, 0, 3)]
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 0)] * 3


async def test_a_second_execution_of_an_invocation_does_nothing(stage: Stage, function: DurableFunction) -> None:
    """The row is the execution's that made it ready: another ends as a duplicate, while that works and after."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    deadline, others = paced(stage, 2), []

    def first(event, context):
        if len(function.lives) == 2:
            others.append(asyncio.run(DurableFunction(dsn=function.dsn).run(event, second)))
        return walk(event, context, stage.services(), deadline=deadline)

    def second(event, context):
        return walk(event, context, stage.services(), deadline=deadline)

    ran = await function.run(message.event(), first)
    others.append(await function.run(message.event(), second))
    assert ran.answer["done"] == 1
    assert [(other.answer["duplicate"], other.names) for other in others] == [(True, ["ready"])] * 2
    assert stage.visitor.visited == PAGES
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 2)]


async def test_a_step_whose_word_got_lost_is_done_once(stage: Stage) -> None:
    """A call that dies between a step's commit and AWS's note of it does the step again: the row is its own already."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    invocation = DurableInvocation(services=stage.services(), message=message, execution="arn:one")
    assert [await invocation.ready(request_id=number) for number in "12"] == [True, True]
    other = DurableInvocation(services=stage.services(), message=message, execution="arn:two")
    assert await other.ready(request_id="3") is False
    args = {"request_id": "4", "deadline": Deadline.after(600), "last": False, "last_attempt": False}
    did = [await invocation.slice(**args) for _ in range(2)]
    assert [(worked.counters.done, worked.lost, worked.rest) for worked in did] == [(1, False, None), (0, True, None)]
    assert stage.visitor.visited == PAGES
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 1)]


async def test_an_execution_that_comes_back_too_late_changes_nothing(stage: Stage, function: DurableFunction) -> None:
    """The reaper took the row and another has the task: the next slice finds that, visits nothing, and ends as lost."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    deadline = paced(stage, 2)

    def late(event, context):
        if len(function.lives) == 2:
            asyncio.run(_execute(function.dsn, "UPDATE trapline.invocation SET status = 'orphaned', ended_at = now()"))
        return walk(event, context, stage.services(), deadline=deadline)

    ran = await function.run(message.event(), late)
    assert (ran.answer["lost"], stage.visitor.visited) == (True, PAGES[:2])


async def test_what_breaks_a_step_off_is_tried_again(stage: Stage, function: DurableFunction) -> None:
    """The ledger is away for two attempts of a slice: the third goes on, and no page is visited twice."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    failing = iter([False, True, True])

    def often(event, context):
        services = stage.services()
        return walk(event, context, replace(services, connect=partial(_connect, services, failing)))

    ran = await function.run(message.event(), often)
    assert (ran.status, ran.answer["done"], stage.visitor.visited) == ("SUCCEEDED", 1, PAGES)
    assert await stage.rows(INVOCATIONS) == [("succeeded", None, 0)]
    assert len(function.lives) == 3
    assert function.orphaned == []


async def test_a_step_that_never_succeeds_ends_the_invocation_failed(stage: Stage, function: DurableFunction) -> None:
    """No browser can be made, four times: the row ends ``failed`` with the reason, and AWS hears its class alone."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    stage.no_visitor = TransientError(f"no browser at {PAGES[0]}")
    ran = await function.run(message.event(), lambda event, context: walk(event, context, stage.services()))
    assert (ran.status, ran.error.rpartition(".")[2]) == ("FAILED", "StepError: TransientError")
    assert await stage.rows("SELECT status::text, reason, detail FROM trapline.invocation") == [
        ("failed", "TransientError", f"no browser at {PAGES[0]}")
    ]
    assert await stage.tasks() == {"created": 1}
    assert PAGES[0] not in ran.stored


async def test_a_lowered_cap_binds_at_the_next_slice(stage: Stage, function: DurableFunction) -> None:
    """Of two invocations the lane has room for one from now on: the other hands its task back, and opens no browser."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane(max_invocations=2))
    await stage.open(PAGES, crawl=ordered(PAGES, name="other"), lane=lane(max_invocations=2))
    _, message = await stage.asked()
    deadline = paced(stage, 2)

    def lowered(event, context):
        if len(function.lives) == 2:
            asyncio.run(_execute(function.dsn, "UPDATE trapline.lane SET max_invocations = 1"))
        return walk(event, context, stage.services(), deadline=deadline)

    ran = await function.run(message.event(), lowered)
    assert (ran.answer["handed_back"], stage.visitor.visited, stage.visitor.closed) == (1, PAGES[:2], 1)
    assert ("succeeded", "above the lane's cap", 0) in await stage.rows(INVOCATIONS)
    assert sorted(await stage.rows("SELECT status::text, position FROM trapline.task")) == [
        ("created", 0),
        ("created", 2),
    ]


async def test_a_cancelled_run_ends_at_the_next_slice(stage: Stage, function: DurableFunction) -> None:
    """Cancelled while the invocation rests: the next slice visits nothing and gives the slot back."""
    run = await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    deadline = paced(stage, 2)

    def cancelled(event, context):
        if len(function.lives) == 2:
            asyncio.run(_cancel(function.dsn, run))
        return walk(event, context, stage.services(), deadline=deadline)

    ran = await function.run(message.event(), cancelled)
    assert (ran.answer["lost"], stage.visitor.visited) == (True, PAGES[:2])
    assert await stage.rows(INVOCATIONS) == [("terminated", "cancelled", 0)]
    assert await stage.rows("SELECT outcome::text FROM trapline.run") == [("cancelled",)]


async def test_a_pause_that_the_host_asks_for_is_a_rest(stage: Stage, function: DurableFunction) -> None:
    """A 429 with ``Retry-After: 120`` costs no paid time: the page is visited again after the rest, in its place."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    refusal = Failure(reason=Reason.BLOCKED, detail="status 429", retry=True)
    stage.visitor.script(PAGES[3], Observation(url=PAGES[3], status=429, failure=refusal, retry_after=120))
    ran = await function.run(message.event(), lambda event, context: walk(event, context, stage.services()))
    assert stage.visitor.visited == [*PAGES[:4], *PAGES[3:]]
    assert await stage.rows(TASK) == [("done", 9, 0, 0, 1)]
    assert ran.names == ["ready", "slice-0", "rest-0", "slice-1"]
    assert 100 < function.lives[-1].skipped.total_seconds() < 200
    assert await stage.rows("SELECT paused > 100, refusals FROM trapline.task, trapline.host") == [(True, 0)]


async def test_a_resting_invocation_holds_no_slot_of_its_host(stage: Stage, function: DurableFunction) -> None:
    """One visit of the host at a time: over a rest another task may have its turn."""
    await stage.open(PAGES[:3], crawl=ordered(PAGES[:3]), lane=lane(host_concurrency=1, host_delay=DELAY))
    (message,) = await stage.asked()
    held = []

    def watched(event, context):
        held.append(asyncio.run(_count(function.dsn, "SELECT count(*) FROM trapline.host_visit")))
        return walk(event, context, stage.services())

    ran = await function.run(message.event(), watched)
    assert (ran.answer["done"], ran.answer["put_off"], held) == (1, 2, [0, 0, 0])


async def test_faults_of_pages_and_browsers_are_an_ordinary_invocations(
    stage: Stage, function: DurableFunction
) -> None:
    """A page that fails is recorded and passed; a browser that dies is charged, and the task leased once more."""
    await stage.open(PAGES, crawl=ordered(PAGES), lane=lane())
    (message,) = await stage.asked()
    stage.visitor.script(PAGES[1], bad(PAGES[1], Reason.HTTP_STATUS))
    stage.visitor.script(PAGES[5], BrowserDiedError("gone"))
    deadline = paced(stage, 4)
    ran = await function.run(
        message.event(), lambda event, context: walk(event, context, stage.services(), deadline=deadline)
    )
    assert (ran.answer["failed"], ran.answer["rescued"]) == (1, 1)
    assert stage.visitor.visited == [*PAGES[:6], *PAGES[5:]]
    assert await stage.rows(TASK) == [("failed", 9, 1, 0, 2)]


async def test_nothing_that_aws_stores_names_a_page_or_a_cookie(stage: Stage, function: DurableFunction) -> None:
    """A log-in, checkpoints, a failing page, texts: history and state of the execution hold words and numbers alone."""
    steps = [{"goto": "https://site.example/login"}, {"click": "#in"}]
    await stage.open(PAGES, crawl=ordered(PAGES, steps=steps), lane=lane())
    (message,) = await stage.asked()
    stage.visitor.script(PAGES[1], bad(PAGES[1], Reason.HTTP_STATUS))
    deadline = paced(stage, 3)
    ran = await function.run(
        message.event(), lambda event, context: walk(event, context, stage.services(), deadline=deadline)
    )
    assert (ran.status, LOG_IN in stage.visitor.visited) == ("SUCCEEDED", True)
    assert str(message.invocation_id) in ran.stored
    for secret in ("site.example", "sesame", "cookie", "hello", "http_status", 'checkpoint": "'):
        assert secret not in ran.stored


async def _execute(dsn: str, statement: str) -> None:
    async with await Database.connect(dsn) as database:
        await database.connection.execute(statement)


async def _count(dsn: str, query: str) -> int:
    async with await Database.connect(dsn) as database:
        return int(await database.connection.fetchval(query))


async def _cancel(dsn: str, run: RunId) -> None:
    async with await Database.connect(dsn) as database:
        assert await runs.cancel(database, run) is not None


async def _connect(services: Services, failing: Iterator[bool]) -> Database:
    if next(failing, False):
        raise LedgerUnavailableError("Postgres: away")
    return await services.connect()
