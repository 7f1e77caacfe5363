"""An invocation that can't reach the ledger ends before its place is given away, whatever keeps it from there."""

import asyncio
import multiprocessing
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from support.adapters import NoAlarm
from support.crawler_stage import Stage
from support.ledger import LANE, location, urls
from support.postgres import as_role
from support.visitor import LOG_IN, MemoryVisitor
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import Crawl
from trapline_common.domain.observation import Observation
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender
from trapline_common.ledger import rescue
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.services import Pace
from trapline_crawler.work.invocation import live

PAGES = urls(4)
ONE = LaneConfig(max_invocations=1, pages_in_flight=1)
ENDS = "SELECT status::text, reason FROM trapline.invocation"
STATES = "SELECT status::text, rescues FROM trapline.task ORDER BY id"


@dataclass(slots=True)
class Clock:
    """Goes like the others, until the test moves it: as if the machine had been suspended."""

    ahead: float = 0.0
    """Seconds that it is ahead of the others."""

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


async def test_after_a_suspension_nothing_is_opened_and_everything_goes_back(stage: Stage) -> None:
    """The page that was loading is cut off, the next never begins, and the ledger, which answers, hears why."""
    clock = stage.clock = Clock()
    await stage.open(PAGES, lane=ONE)
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(stage.live())
    await hold.started()
    clock.ahead = 31
    result = await living
    assert (result["lost"], result["done"]) == (True, 0)
    assert stage.visitor.visited == PAGES[:1]
    assert stage.visitor.closed == 1
    assert await stage.rows(ENDS) == [("failed", "LedgerSilentError")]
    assert sorted(await stage.rows(STATES)) == [("created", 0)] * 3 + [("created", 1)]
    assert hold.cancelled


async def test_a_ledger_that_does_not_answer_ends_the_invocation_in_time(stage: Stage, database: Database) -> None:
    """A heartbeat hangs, as in a half-open connection: the tabs are closed and the end does not wait for the ledger."""
    stage.pace = Pace(heartbeat=0.1, silence=1.0)
    await stage.open(PAGES, lane=ONE)
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(stage.live())
    await hold.started()
    async with database.transaction():
        await database.connection.execute("SELECT FROM trapline.invocation FOR UPDATE")
        began = time.monotonic()
        async with asyncio.timeout(20):
            assert (await living)["lost"] is True
        assert time.monotonic() - began < 5
    assert (hold.cancelled, stage.visitor.closed) == (True, 1)
    assert await stage.rows(ENDS) == [("running", None)]  # the reaper's to end, when its time is over
    found = await rescue.reap_lane(stage.database, LANE, location=location, heartbeat_ttl=-1)
    assert len(found.returned) == 4


async def test_an_invocation_that_beats_is_never_silent(stage: Stage) -> None:
    """Over several times the silence it goes on: each heartbeat begins the time anew, and sets the alarm."""
    stage.pace = Pace(heartbeat=0.1, silence=1.0)
    await stage.open(PAGES[:1], lane=ONE)
    hold = stage.visitor.hold(PAGES[0])
    living = asyncio.create_task(stage.live())
    await hold.started()
    await asyncio.sleep(2.5)
    assert not living.done()
    assert isinstance(stage.alarm, NoAlarm)
    assert stage.alarm.seconds is not None
    hold.release.set()
    assert (await living)["done"] == 1
    assert stage.alarm.seconds is None


class _Stuck(MemoryVisitor):
    """Its first visit never lets the event loop go on."""

    async def visit(self, url: str, crawl: CrawlConfig, state: object = None) -> Observation:
        return _never_returns(url)


def _never_returns(url: str) -> Observation:
    time.sleep(60)
    return Observation(url=url)


def _crawl(dsn: str, message: Crawl, folder: Path) -> None:
    async def go() -> None:
        async with await Database.connect(dsn) as database:
            stage = Stage(dsn=dsn, database=database, artifacts=folder, pace=Pace(heartbeat=0.2, silence=1.0))
            await live(
                stage.services(visitor=_Stuck()),
                message,
                request_id=str(message.invocation_id),
                deadline=Deadline.after(60),
                stop=asyncio.Event(),
            )

    asyncio.run(go())


async def test_a_crawler_whose_event_loop_is_stuck_is_gone_before_its_place_is_given_away(
    stage: Stage, dsn: str, tmp_path: Path
) -> None:
    """Cap 1, a time to live of 4.5 s, a page that stops the loop: no two processes are alive at any time."""
    await stage.open(PAGES[:1], lane=ONE)
    (message,) = await stage.asked()
    child = multiprocessing.get_context("spawn").Process(
        target=_crawl, args=(as_role(dsn, "trapline_crawler"), message, tmp_path)
    )
    child.start()
    try:
        async with asyncio.timeout(60):
            while not (await rescue.reap_lane(stage.database, LANE, location=location, heartbeat_ttl=4.5)).orphaned:
                assert await stage.asked() == []
                await asyncio.sleep(0.1)
        assert not child.is_alive()
        assert child.exitcode == -signal.SIGALRM
        assert len(await stage.asked()) == 1
    finally:
        child.kill()
        child.join()


async def test_a_silence_between_two_pages_opens_no_second_one(stage: Stage) -> None:
    """What was found stands, for the lease still does; the next visit is refused before it begins."""
    clock = stage.clock = Clock()

    def suspend(_: str) -> None:
        clock.ahead = 31

    stage.visitor.on_visit = suspend
    await stage.open(PAGES, lane=ONE)
    result = await stage.live()
    assert (result["lost"], result["done"]) == (True, 1)
    assert stage.visitor.visited == PAGES[:1]
    assert await stage.tasks() == {"created": 3, "done": 1}


async def test_a_silence_while_robots_txt_is_fetched_opens_no_page(stage: Stage) -> None:
    """What takes time before a visit does not let it begin too late."""
    clock = stage.clock = Clock()

    async def suspended(url: str, sender: Sender = NOBODY) -> Fetched:
        clock.ahead = 31
        raise NoFileError(url, 404)

    stage.fetch = suspended
    await stage.open(PAGES[:1], lane=ONE)
    assert (await stage.live())["lost"] is True
    assert stage.visitor.visited == []
    assert await stage.tasks() == {"created": 1}


async def test_a_silence_in_a_log_in_opens_no_page_behind_it(stage: Stage) -> None:
    """The steps were done, and the page that they were done for is not opened any more."""
    clock = stage.clock = Clock()

    def suspend(_: str) -> None:
        clock.ahead = 31

    stage.visitor.on_visit = suspend
    steps = [{"goto": "https://site.example/login"}]
    crawl = CrawlConfig.model_validate({"name": "docs", "urls": PAGES[:1], "steps": steps})
    await stage.open(PAGES[:1], lane=ONE, crawl=crawl)
    assert (await stage.live())["lost"] is True
    assert stage.visitor.visited == [LOG_IN]


async def test_an_ordered_task_opens_no_further_page_after_a_silence(stage: Stage) -> None:
    """Its session is open already; its checkpoint is that of the page before."""
    clock = stage.clock = Clock()

    def suspend(url: str) -> None:
        clock.ahead = 31 if url == PAGES[1] else 0

    stage.visitor.on_visit = suspend
    await stage.open(PAGES, lane=ONE, crawl=CrawlConfig(name="docs", urls=tuple(PAGES), ordered=True))
    assert (await stage.live())["lost"] is True
    assert stage.visitor.visited == PAGES[:2]
    assert await stage.rows("SELECT status::text, position FROM trapline.task") == [("created", 2)]
