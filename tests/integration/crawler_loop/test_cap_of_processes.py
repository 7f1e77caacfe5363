"""Cap and slots of a host hold for crawlers that live, not for rows: cancelled runs, and limits that were lowered."""

import asyncio
import time

from support.crawler_stage import Stage
from support.ledger import LANE, urls
from support.visitor import MemoryVisitor, good
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import Crawl
from trapline_common.domain.observation import Observation
from trapline_common.ledger import lanes, runs
from trapline_crawler.services import Pace

PAGES = urls(6)


class Slow(MemoryVisitor):
    """Visits of a second, and the most of them that were open at once."""

    def __init__(self, seconds: float = 1.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.open = 0
        self.most = 0

    async def visit(self, url: str, crawl: CrawlConfig, state: object = None) -> Observation:
        self.open += 1
        self.most = max(self.most, self.open)
        self.visited.append(url)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.open -= 1
        return good(url)


def _crawl(name: str = "docs", **more: object) -> CrawlConfig:
    return CrawlConfig.model_validate({"name": name, "urls": PAGES, "robots": "ignore", **more})


class Crawlers:
    """Invocations of one stage that live at the same time."""

    def __init__(self, stage: Stage, visitor: Slow) -> None:
        self._stage = stage
        self._visitor = visitor
        self.living: list[asyncio.Task[dict[str, object]]] = []

    async def count(self) -> int:
        """Count the lane, start what it is missing, and return how many that was."""
        return self.start(await self._stage.asked())

    def start(self, messages: list[Crawl]) -> int:
        """Start crawlers for these messages."""
        self.living += [asyncio.create_task(self._stage.live(message, visitor=self._visitor)) for message in messages]
        return len(messages)

    @property
    def alive(self) -> int:
        """Return how many may still open a page: their visitors are not closed."""
        return len(self.living) - self._visitor.closed

    async def end(self) -> list[dict[str, object]]:
        """Wait until all have returned."""
        return await asyncio.gather(*self.living)


async def _until(condition: object, stage: Stage) -> None:
    assert callable(condition)
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends, await stage.invocations()
        await asyncio.sleep(0.01)


async def test_runs_cancelled_one_after_the_other_never_have_two_crawlers_at_cap_one(stage: Stage) -> None:
    """Run, cancel, run, cancel ...: the next crawler starts when the last has ended, and no visits overlap."""
    stage.pace = Pace(heartbeat=0.3, linger=0.0)
    visitor = Slow(seconds=2.0)
    crawlers, lane = Crawlers(stage, visitor), LaneConfig(max_invocations=1, pages_in_flight=1, host_concurrency=1)
    most = 0
    for number in range(1, 4):
        run = await stage.open(PAGES, lane=lane, crawl=_crawl())
        async with asyncio.timeout(20):
            while len(visitor.visited) < number:
                await crawlers.count()
                most = max(most, crawlers.alive)
                await asyncio.sleep(0.02)
        most = max(most, crawlers.alive)
        assert await runs.cancel(stage.database, run) == len(PAGES)
    await crawlers.end()
    assert (most, visitor.most) == (1, 1)
    assert await stage.invocations() == ["terminated"] * 3


async def test_a_cancelled_visit_of_one_that_works_on_shares_its_host_with_none(stage: Stage) -> None:
    """Of two runs in one share one is cancelled while its page loads: the other run's page waits for that to end."""
    stage.pace = Pace(heartbeat=0.1, linger=0.0)
    visitor = Slow(seconds=1.5)
    lane = LaneConfig(max_invocations=1, pages_in_flight=2, host_concurrency=1)
    doomed = await stage.open(PAGES[:1], lane=lane, crawl=_crawl("doomed", priority=1))
    await stage.open(PAGES[1:3], lane=lane, crawl=_crawl())
    crawlers = Crawlers(stage, visitor)
    await crawlers.count()
    await _until(lambda: visitor.visited, stage)
    assert visitor.visited == PAGES[:1]
    await runs.cancel(stage.database, doomed)
    (result,) = await crawlers.end()
    assert (result["done"], result["stale"], visitor.most) == (2, 1, 1)
    left = (
        "SELECT count(*)::int FROM trapline.host_visit v JOIN trapline.task t ON t.id = v.task_id WHERE t.run_id = $1"
    )
    assert await stage.rows(left, doomed) == [(0,)]


async def test_crawlers_above_a_lowered_cap_hand_back_within_a_visit(stage: Stage) -> None:
    """Three work, the cap falls to one: two end after the page that they load, and their tasks wait for the third."""
    stage.pace = Pace(heartbeat=0.1, linger=0.0)
    visitor = Slow(seconds=0.5)
    pages = urls(30)
    lane = LaneConfig(max_invocations=3, tasks_per_invocation=10, pages_in_flight=1)
    await stage.open(pages, lane=lane, crawl=_crawl(urls=pages))
    crawlers = Crawlers(stage, visitor)
    assert await crawlers.count() == 3
    await _until(lambda: visitor.open == 3, stage)
    await lanes.put_lane(stage.database, LANE, lane.model_copy(update={"max_invocations": 1}))
    lowered = time.monotonic()
    await _until(lambda: crawlers.alive == 1, stage)
    assert time.monotonic() - lowered < 3
    assert await stage.asked() == []
    visitor.most = visitor.open
    visitor.seconds = 0.0
    await crawlers.end()
    assert visitor.most == 1
    assert sorted(await stage.invocations()) == ["succeeded"] * 3
    while messages := await stage.asked():
        await stage.live(messages[0], visitor=visitor)
    assert await stage.tasks() == {"done": 30}
    assert await stage.rows("SELECT sum(rescues + attempts)::int FROM trapline.task") == [(0,)]


async def test_an_ordered_task_above_a_lowered_cap_goes_back_after_its_page(stage: Stage) -> None:
    """Its next page is another invocation's, with the session of the checkpoint; no page is visited twice."""
    stage.pace = Pace(heartbeat=0.1, linger=0.0)
    visitor = Slow(seconds=0.4)
    lane = LaneConfig(max_invocations=2, tasks_per_invocation=1, pages_in_flight=1)
    for name in ("first", "second"):
        await stage.open(PAGES, lane=lane, crawl=_crawl(name, ordered=True))
    crawlers = Crawlers(stage, visitor)
    assert await crawlers.count() == 2
    await _until(lambda: visitor.open == 2, stage)
    await lanes.put_lane(stage.database, LANE, lane.model_copy(update={"max_invocations": 1}))
    await _until(lambda: crawlers.alive == 1, stage)
    # It closes its visitor before it hands back; and no page of the list that goes on takes the other list along
    seen = len(visitor.visited) + 2
    await _until(lambda: len(visitor.visited) >= seen, stage)
    given = "SELECT FROM trapline.task WHERE status = 'created' AND position > 0"
    assert len(await stage.rows(given)) == 1
    visitor.seconds = 0.0
    await crawlers.end()
    while messages := await stage.asked():
        await stage.live(messages[0], visitor=visitor)
    assert await stage.tasks() == {"done": 2}
    assert sorted(visitor.visited) == sorted(PAGES * 2)


async def test_a_page_that_waits_for_its_hosts_turn_goes_back_when_the_cap_falls(stage: Stage) -> None:
    """It does not wait its turn out to be visited above the cap."""
    stage.pace = Pace(heartbeat=0.1, linger=0.0)
    visitor = Slow(seconds=0.0)
    lane = LaneConfig(max_invocations=2, tasks_per_invocation=3, pages_in_flight=1, host_delay=12.0)
    await stage.open(PAGES, lane=lane, crawl=_crawl())
    crawlers = Crawlers(stage, visitor)
    assert await crawlers.count() == 2
    await _until(lambda: len(visitor.visited) == 1, stage)
    for _ in range(2_000):  # one that comes after the cap fell opens no visitor
        if await stage.invocations() == ["running"] * 2:
            break
        await asyncio.sleep(0.01)
    await lanes.put_lane(stage.database, LANE, lane.model_copy(update={"max_invocations": 1}))
    lowered = time.monotonic()
    await _until(lambda: crawlers.alive <= 1, stage)
    assert time.monotonic() - lowered < 6
    assert len(visitor.visited) == 1
    for one in crawlers.living:
        one.cancel()
    await asyncio.gather(*crawlers.living, return_exceptions=True)


async def test_limits_of_the_newest_config_reach_a_crawler_that_runs(stage: Stage) -> None:
    """Pages in flight and the size of a share: with the next heartbeat, not with the next invocation."""
    stage.pace = Pace(heartbeat=0.05, linger=0.0)
    visitor = Slow(seconds=0.3)
    pages = urls(16)
    lane = LaneConfig(max_invocations=1, tasks_per_invocation=8, pages_in_flight=4)
    await stage.open(pages, lane=lane, crawl=_crawl(urls=pages))
    crawlers = Crawlers(stage, visitor)
    await crawlers.count()
    await _until(lambda: visitor.open == 4, stage)
    await lanes.put_lane(
        stage.database, LANE, lane.model_copy(update={"tasks_per_invocation": 2, "pages_in_flight": 1})
    )
    await _until(lambda: visitor.open <= 1, stage)
    visitor.most = 0
    (result,) = await crawlers.end()
    assert (result["done"], visitor.most) == (16, 1)
    assert result["shares"] == 1 + 8 // 2
