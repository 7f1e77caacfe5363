"""What an invocation tells the other services: nudges of the notifier, and the end of a run."""

import asyncio

from support.adapters import MemoryNudger
from support.crawler_stage import Stage
from support.ledger import urls
from support.races import PATIENCE
from support.visitor import MemoryVisitor, bad
from trapline_common.config.models import AlertConfig, CrawlConfig, LaneConfig
from trapline_common.domain.messages import parse_drain
from trapline_crawler.work.notifier_nudges import NotifierNudges

PAGES = urls(3)
LOUD = CrawlConfig(
    name="docs", urls=tuple(PAGES), alert=AlertConfig(on=("failure", "change", "recovery", "summary"), after_failures=1)
)


async def until_sent(nudger: MemoryNudger, count: int) -> None:
    """Wait until so many nudges went out."""
    async with asyncio.timeout(PATIENCE):
        while len(nudger.sent) < count:  # noqa: ASYNC110  (the port has no event for it)
            await asyncio.sleep(0.005)


async def test_an_alert_is_nudged_for_while_the_run_goes_on(stage: Stage) -> None:
    """An alert does not wait for the run's end: the notifier is woken as soon as a task has caused one."""
    await stage.open(PAGES, crawl=LOUD)
    stage.visitor.script(PAGES[0], bad(PAGES[0]))
    hold = stage.visitor.hold(PAGES[1])
    living = asyncio.create_task(stage.live())
    await until_sent(stage.nudger, 1)
    assert await stage.alerts() == ["failure"]
    parse_drain(stage.nudger.to("notifier")[0])
    hold.release.set()
    await living
    assert await stage.alerts() == ["failure", "summary"]


async def test_a_quiet_run_nudges_only_for_its_end(stage: Stage) -> None:
    """A run without an alert of its own wakes the notifier once, and no other service."""
    await stage.open(PAGES)
    await stage.live()
    assert [service for service, _ in stage.nudger.sent] == ["notifier"]


async def test_the_last_nudge_is_waited_for_before_the_invocation_ends(stage: Stage) -> None:
    """A nudge that is due or on its way when the work is over still goes out: a killed process would forget it."""
    await stage.open(PAGES, crawl=LOUD)
    stage.visitor.script(PAGES[0], bad(PAGES[0]))
    stage.nudger.hold = asyncio.Event()
    living = asyncio.create_task(stage.live())
    async with asyncio.timeout(PATIENCE):
        while await stage.invocations() != ["succeeded"]:  # noqa: ASYNC110  (Postgres has no event for it)
            await asyncio.sleep(0.005)
    ended, _ = await asyncio.wait({living}, timeout=0.3)  # nothing to wait for: it must not end
    assert not ended
    assert stage.nudger.sent == []
    stage.nudger.hold.set()
    await living
    assert 1 <= len(stage.nudger.to("notifier")) <= 2


async def test_nudges_are_a_second_apart_and_none_is_forgotten() -> None:
    """However many alerts are written, nudges keep their distance; one always follows the last alert."""
    nudger = MemoryNudger()
    loop = asyncio.get_running_loop()
    times: list[float] = []
    send = nudger.nudge

    async def timed(service: str, message: object) -> None:
        times.append(loop.time())
        await send(service, {})

    nudger.nudge = timed  # type: ignore[method-assign]
    nudges = NotifierNudges(nudger, clock=loop.time, interval=0.1)
    for _ in range(5):
        nudges.alert_written()
    await until_sent(nudger, 1)
    for _ in range(5):
        nudges.alert_written()
    await nudges.flush(within=PATIENCE)
    assert len(times) == 2
    assert times[1] - times[0] >= 0.099
    nudges.alert_written()
    await nudges.flush(within=PATIENCE)
    assert len(times) == 3


async def test_a_nudge_that_hangs_costs_no_ordered_end() -> None:
    """``flush`` gives up after its time: the minute's sweep finds the alert."""
    nudger = MemoryNudger()
    nudger.hold = asyncio.Event()
    nudges = NotifierNudges(nudger, clock=asyncio.get_running_loop().time)
    nudges.alert_written()
    async with asyncio.timeout(PATIENCE):
        await nudges.flush(within=0.05)
    assert nudger.sent == []


async def test_the_last_two_tasks_in_two_invocations_end_the_run_once(stage: Stage) -> None:
    """Two invocations whose last tasks end together: the run is ``ended`` once, with one summary that counts both."""
    await stage.open(PAGES[:2], crawl=LOUD, lane=LaneConfig(max_invocations=2, tasks_per_invocation=1))
    visitors = [MemoryVisitor(), MemoryVisitor()]
    holds = [(visitor.hold(PAGES[0]), visitor.hold(PAGES[1])) for visitor in visitors]
    lives = [
        asyncio.create_task(stage.live(message, visitor=visitor))
        for message, visitor in zip(await stage.asked(), visitors, strict=True)
    ]
    async with asyncio.timeout(PATIENCE):
        while sum(len(visitor.in_flight) for visitor in visitors) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    for hold in (hold for pair in holds for hold in pair):
        hold.release.set()
    assert [result["done"] for result in await asyncio.gather(*lives)] == [1, 1]
    assert await stage.rows("SELECT outcome::text, tasks_done FROM trapline.run") == [("completed", 2)]
    assert await stage.alerts() == ["summary"]
    assert len(stage.nudger.to("notifier")) == 1


async def test_runs_that_share_a_lane_end_each_on_its_own(stage: Stage) -> None:
    """One invocation works on two runs at once and ends both."""
    await stage.open(PAGES)
    other = "https://other.example/"
    await stage.open([other], crawl=CrawlConfig(name="other", urls=(other,)))
    assert (await stage.live())["done"] == 4
    assert await stage.rows("SELECT crawl, status::text, tasks_done FROM trapline.run ORDER BY id") == [
        ("docs", "ended", 3),
        ("other", "ended", 1),
    ]


async def test_a_frozen_config_of_a_newer_release_is_worked_on(stage: Stage) -> None:
    """Services deploy in any order: a run frozen by a newer dispatcher, with fields unknown here, is still crawled."""
    await stage.open(PAGES)
    newer = """UPDATE trapline.run SET config = config || '{"from_the_future": {"x": 1}}'
               || jsonb_build_object('alert', config->'alert' || '{"louder": true}')"""
    await stage.database.connection.execute(newer)
    assert (await stage.live())["done"] == 3
    assert await stage.rows("SELECT status::text FROM trapline.run") == [("ended",)]
