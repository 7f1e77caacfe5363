"""Leasing: shares, their bound, and who takes what is left."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from support.crawler_stage import Stage
from support.ledger import make_old, urls
from support.visitor import bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.answers import Checked
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.messages import Check
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.handler import handle
from trapline_crawler.machine_load import Load
from trapline_crawler.services import Pace
from trapline_crawler.work.flight_limit import EVERY, SLOW, START


async def test_an_event_delivered_twice_ends_without_work_and_is_counted(stage: Stage) -> None:
    """The second delivery of an event visits nothing, opens no browser, succeeds, and is counted on the row."""
    await stage.open(urls(1))
    (message,) = await stage.asked()
    page = stage.visitor.hold(urls(1)[0])
    first = asyncio.create_task(stage.live(message))
    await page.started()
    assert await stage.live(message) == {"duplicate": True}
    assert (stage.visitor.visited, stage.visitor.closed) == (urls(1), 0)
    page.release.set()
    assert (await first)["done"] == 1
    assert await stage.rows("SELECT status::text, duplicates FROM trapline.invocation") == [("succeeded", 1)]


@pytest.mark.parametrize(
    ("event", "reason"), [({}, "invocation_id: Field required"), ([], "message: "), ({"type": "drain"}, "type: ")]
)
async def test_what_is_no_crawl_message_is_dropped_with_its_reason(stage: Stage, event: Any, reason: str) -> None:
    """It is not raised, for it would only fail again; no browser is started for it."""
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    assert (await handle(event, context, stage.services())).reason.startswith(reason)
    assert stage.visitor.closed == 0


async def test_a_check_needs_the_ledger_and_touches_no_task(stage: Stage) -> None:
    """The crawler says what works only once the ledger has taken its log-in; a process without a browser refuses."""
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    answer = await handle(Check().event(), context, stage.services())
    assert answer.reason == "check: there is no browser to check here"
    asked = []

    async def check() -> Checked:
        asked.append("browser")
        return Checked(profiles={"multi": None}, seconds={"multi": 0.1})

    class Closes:
        async def close(self) -> None:
            asked.append("closed")

    async def connects() -> Any:
        asked.append("ledger")
        return Closes()

    services = replace(stage.services(), check=check, connect=connects)
    assert (await handle(Check().event(), context, services)).profiles == {"multi": None}
    assert asked == ["ledger", "closed", "browser"]

    async def away() -> Any:
        raise LedgerUnavailableError("the ledger refuses this log-in")

    with pytest.raises(LedgerUnavailableError):
        await handle(Check().event(), context, replace(services, connect=away))


async def test_the_handler_lets_an_invocation_live(stage: Stage) -> None:
    """From the event to the answer: the request id and the process's name are stored, the deadline is the context's."""
    await stage.open(urls(1))
    (message,) = await stage.asked()
    context = LocalContext(aws_request_id="the-request", deadline=Deadline.after(60))
    assert (await handle(message.event(), context, stage.services())).done == 1
    assert await stage.rows("SELECT request_id, place FROM trapline.invocation") == [("the-request", "stage")]


class _NotedAhead(DriverAhead):
    """Notes what is asked of it."""

    def __init__(self, noted: list[str]) -> None:
        super().__init__()
        self._noted = noted

    def begin(self) -> None:
        self._noted.append("begin")

    async def close(self) -> None:
        self._noted.append("close")


async def test_the_driver_starts_beside_the_first_statements(stage: Stage) -> None:
    """It begins before the connection is there, and ends with the call, also of an invocation that has no work."""
    noted: list[str] = []
    services = replace(stage.services(), ahead=_NotedAhead(noted))

    async def connect() -> Database:
        noted.append("connect")
        return await stage.services().connect()

    await stage.open(urls(1))
    (message,) = await stage.asked()
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(60))
    for done in (1, 0):
        assert (await handle(message.event(), context, replace(services, connect=connect))).done == done
    assert noted == ["begin", "connect", "close"] * 2


async def test_nothing_left_to_lease_is_terminated(stage: Stage) -> None:
    """An invocation that comes too late for any task ends ``terminated`` and says why; no browser was needed."""
    await stage.open(urls(2), lane=LaneConfig(tasks_per_invocation=1))
    first, second = await stage.asked()
    await stage.database.connection.execute("UPDATE trapline.lane SET tasks_per_invocation = 9")
    await stage.live(first)
    assert (await stage.live(second))["done"] == 0
    found = await stage.rows("SELECT status::text, reason FROM trapline.invocation ORDER BY slot")
    assert found == [("succeeded", None), ("terminated", "nothing was left to lease")]
    assert stage.visitor.visited == urls(2)
    assert stage.visitor.closed == 2


async def test_one_invocation_takes_share_after_share_until_the_lane_is_empty(stage: Stage) -> None:
    """Without an idle invocation beside it, one invocation works off every share, and each page is visited once."""
    await stage.open(urls(10), lane=LaneConfig(max_invocations=1, tasks_per_invocation=3, pages_in_flight=2))
    result = await stage.live()
    assert (result["done"], result["shares"]) == (10, 4)
    assert sorted(stage.visitor.visited) == sorted(urls(10))
    assert await stage.tasks() == {"done": 10}
    assert stage.nudger.to("dispatcher") == []


async def test_what_the_idle_will_take_is_left_to_them(stage: Stage) -> None:
    """No second share is taken while the invocations asked for and not yet at work will take what waits."""
    await stage.open(urls(6), lane=LaneConfig(max_invocations=2, tasks_per_invocation=3))
    first, second = await stage.asked()
    assert (await stage.live(first))["done"] == 3
    assert await stage.tasks() == {"created": 3, "done": 3}
    assert (await stage.live(second))["done"] == 3
    assert await stage.invocations() == ["succeeded", "succeeded"]


async def test_pages_in_flight_reach_their_bound_and_stay_below(stage: Stage) -> None:
    """Exactly ``pages_in_flight`` pages load at once, across shares too, never one more."""
    pages = urls(9)
    await stage.open(pages, lane=LaneConfig(max_invocations=1, tasks_per_invocation=2, pages_in_flight=4))
    holds = {page: stage.visitor.hold(page) for page in pages}
    living = asyncio.create_task(stage.live())
    for page in pages[:4]:
        await holds[page].started()
    assert len(stage.visitor.in_flight) == 4
    for page in pages:
        holds[page].release.set()
    assert (await living)["done"] == 9
    assert stage.visitor.most_in_flight == 4


async def test_slow_pages_on_a_full_processor_are_visited_fewer_at_a_time(stage: Stage) -> None:
    """The next visits are half as many; when there is room again another begins, though none of them has ended."""
    pages = urls(6)
    crawl, lane = CrawlConfig(name="docs", urls=tuple(pages), timeout=3.0), LaneConfig(max_invocations=1)
    await stage.open(pages, crawl=crawl, lane=lane)
    holds = [stage.visitor.hold(page) for page in pages]
    load = [Load(processor=1.0)]
    stage.load = lambda: load[0]
    living = asyncio.create_task(stage.live())
    for hold in holds[:START]:
        await hold.started()
    await asyncio.sleep(crawl.timeout * SLOW + 2 * EVERY)
    for hold in holds[:START]:
        hold.release.set()
    await holds[START].started()
    await asyncio.sleep(0.1)
    assert stage.visitor.in_flight == [pages[START]]
    load[0] = Load(processor=0.5)
    await holds[START + 1].started()
    for hold in holds:
        hold.release.set()
    assert (await living)["done"] == 6
    assert stage.visitor.most_in_flight == START


async def test_tasks_added_meanwhile_are_taken_too(stage: Stage) -> None:
    """Pages that come while it works are worked on by the same invocation: no cold start for them."""
    run_id = await stage.open(urls(1))
    page = stage.visitor.hold(urls(1)[0])
    living = asyncio.create_task(stage.live())
    await page.started()
    insert = "INSERT INTO trapline.page (crawl, url) VALUES ('docs', $1) RETURNING id"
    page_id = await stage.database.connection.fetchval(insert, urls(2)[1])
    insert = "INSERT INTO trapline.task (run_id, lane, url, page_id) VALUES ($1, 'default', $2, $3)"
    await stage.database.connection.execute(insert, run_id, urls(2)[1], page_id)
    page.release.set()
    assert (await living)["done"] == 2
    assert await stage.rows("SELECT status::text FROM trapline.run") == [("ended",)]


async def test_what_is_due_for_an_idle_invocation_is_not_waited_for(stage: Stage) -> None:
    """An invocation with a retry of its own ends, rather than ask again and again for a task that others will take."""
    page = urls(1)[0]
    await stage.open(urls(2), lane=LaneConfig(max_invocations=2, tasks_per_invocation=1))
    stage.pace = Pace(linger=60.0)
    stage.visitor.script(page, bad(page, retry=True))
    first, _idle = await stage.asked()
    assert (await stage.live(first))["retried"] == 1
    assert await stage.tasks() == {"created": 2}


async def test_the_important_runs_first_and_late_ones_when_due(stage: Stage) -> None:
    """Tasks are visited in the order of their priority; one whose time has not come is left, and not nudged for."""
    await stage.open(urls(2), crawl=CrawlConfig(name="low", urls=tuple(urls(2))))
    high = "https://high.example/"
    await stage.open([high], crawl=CrawlConfig(name="high", urls=(high,), priority=5))
    late = "https://late.example/"
    await stage.open([late], crawl=CrawlConfig(name="late", urls=(late,)))
    await stage.database.connection.execute(
        "UPDATE trapline.task SET run_at = now() + interval '1 hour' WHERE url = $1", late
    )
    await stage.database.connection.execute("UPDATE trapline.lane SET pages_in_flight = 1")
    assert (await stage.live())["done"] == 3
    assert stage.visitor.visited == [high, *urls(2)]
    assert stage.nudger.to("dispatcher") == []
    await make_old(stage.database, "task", "run_at", 3600)
    assert (await stage.live())["done"] == 1
