"""SIGKILL in the middle of a page: the next call goes on there, in the same row and under the same lease."""

from pathlib import Path

from support.crawler_stage import Stage
from support.durable_child import Plan
from support.durable_function import DurableFunction
from support.ledger import urls
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_crawler.sessions.seal import Seal

PAGES = urls(20)
WALK = CrawlConfig(name="walk", urls=tuple(PAGES), ordered=True)
DURABLE = LaneConfig.model_validate({"orchestrator": "durable", "tasks_per_invocation": 1, "max_invocations": 1})
TASK = "SELECT status::text, position, failed_pages, rescues, lease_seq FROM trapline.task"
SEEN = "SELECT position, reason FROM trapline.observation ORDER BY position"


def plan(stage: Stage, folder: Path, **kills: int) -> Plan:
    """Return what each process works with: time for two pages, and kills by the page's number, ``p7=1``."""
    by_url = {PAGES[int(number.removeprefix("p"))]: times for number, times in kills.items()}
    return Plan(dsn=stage.dsn, folder=folder, key=Seal.new_key(), pages=2, kills=by_url)


async def test_killed_in_each_of_ten_slices(stage: Stage, function: DurableFunction, tmp_path: Path) -> None:
    """Ten processes die with a page open: ten pages are visited twice, none is lost, one row and one lease."""
    await stage.open(PAGES, crawl=WALK, lane=DURABLE)
    (message,) = await stage.asked()
    one = plan(stage, tmp_path, **{f"p{number}": 1 for number in range(0, 20, 2)})
    ran = await function.run_in_processes(message.event(), one)
    assert (ran.status, ran.answer["done"]) == ("SUCCEEDED", 1)
    twice = [url for url in PAGES if one.visited.count(url) == 2]
    assert (twice, len(one.visited)) == (PAGES[::2], 30)
    assert await stage.rows(TASK) == [("done", 20, 0, 0, 1)]
    assert await stage.rows("SELECT status::text, duplicates FROM trapline.invocation") == [("succeeded", 0)]
    assert await stage.rows(SEEN) == [(number, None) for number in range(20)]
    assert len(function.lives) == 20
    assert len([name for name in ran.names if name.startswith("slice")]) == 10
    assert function.orphaned == []


async def test_a_page_that_kills_every_call_is_poison(stage: Stage, function: DurableFunction, tmp_path: Path) -> None:
    """After its third death the page is recorded as poison, with its alert, and the task goes on behind it."""
    await stage.open(PAGES[:4], crawl=WALK.model_copy(update={"urls": tuple(PAGES[:4])}), lane=DURABLE)
    (message,) = await stage.asked()
    one = plan(stage, tmp_path, p1=9)
    ran = await function.run_in_processes(message.event(), one)
    assert (ran.status, ran.answer["failed"]) == ("SUCCEEDED", 1)
    assert [one.visited.count(url) for url in PAGES[:4]] == [1, 3, 1, 1]
    assert await stage.rows(SEEN) == [(0, None), (1, "poison"), (2, None), (3, None)]
    assert await stage.rows(TASK) == [("failed", 4, 1, 0, 2)]
    detail = "3 calls of the function died while it loaded"
    assert await stage.rows("SELECT detail FROM trapline.observation WHERE reason = 'poison'") == [(detail,)]
    assert await stage.alerts() == ["failure"]
    assert await stage.rows("SELECT status::text FROM trapline.invocation") == [("succeeded",)]
