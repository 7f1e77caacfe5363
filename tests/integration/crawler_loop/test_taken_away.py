"""An invocation that is taken away while it works: what it still does, and what it must not."""

import asyncio

import pytest

from support.crawler_stage import Stage
from support.ledger import LANE, location, urls
from support.visitor import Hold
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import Crawl
from trapline_common.ledger import rescue, runs
from trapline_crawler.services import Pace

PAGES = urls(3)
STATES = "SELECT status::text, rescues FROM trapline.task ORDER BY id"


async def at_work(stage: Stage, pages: list[str] = PAGES) -> tuple["asyncio.Task[dict[str, object]]", list[Hold]]:
    """Start an invocation and wait until its pages load."""
    await stage.open(pages, lane=LaneConfig(max_invocations=1))
    holds = [stage.visitor.hold(page) for page in pages]
    living = asyncio.create_task(stage.live())
    for hold in holds:
        await hold.started()
    return living, holds


async def orphan(stage: Stage) -> None:
    """Let the reaper find that the heartbeats have stopped."""
    found = await rescue.reap_lane(stage.database, LANE, location=location, heartbeat_ttl=-1)
    assert len(found.orphaned) == 1


async def test_an_orphan_learns_it_by_its_heartbeat_and_lets_go(stage: Stage) -> None:
    """The next heartbeat of an orphaned invocation cancels its visits: late, they are refused and counted, no error."""
    stage.pace = Pace(heartbeat=1.0)  # the reaper has given back the tasks when it comes; before, it would do so itself
    living, holds = await at_work(stage)
    await orphan(stage)
    result = await living
    assert result["lost"] is True
    assert all(hold.cancelled for hold in holds)
    assert await stage.rows(STATES) == [("created", 1)] * 3
    assert await stage.rows("SELECT status::text, stale FROM trapline.invocation") == [("orphaned", 3)]
    assert await stage.rows("SELECT count(*)::int FROM trapline.observation") == [(0,)]
    assert (stage.visitor.closed, stage.nudger.sent) == (1, [])


async def test_late_results_of_an_orphan_are_refused_and_counted(stage: Stage) -> None:
    """A visit that ends between the reap and the next heartbeat is refused by the fence, and counted."""
    living, (hold,) = await at_work(stage, PAGES[:1])
    await orphan(stage)
    hold.release.set()
    result = await living
    assert (result["lost"], result["stale"], result["done"]) == (True, 1, 0)
    assert await stage.rows(STATES) == [("created", 1)]
    assert await stage.rows("SELECT status::text, stale FROM trapline.invocation") == [("orphaned", 1)]
    assert (await stage.live())["done"] == 1
    assert await stage.rows("SELECT count(*)::int FROM trapline.observation") == [(1,)]


async def test_a_cancelled_run_terminates_its_invocation(stage: Stage) -> None:
    """An operator's cancel ends the invocation ``terminated``: without an error, and without a nudge to count."""
    stage.pace = Pace(heartbeat=0.02)
    living, holds = await at_work(stage)
    run_id = (await stage.rows("SELECT id FROM trapline.run"))[0][0]
    assert await runs.cancel(stage.database, run_id) == 3
    assert (await living)["lost"] is True
    assert all(hold.cancelled for hold in holds)
    assert await stage.tasks() == {"failed": 3}
    assert await stage.rows("SELECT status::text, reason FROM trapline.invocation") == [("terminated", "cancelled")]
    assert stage.nudger.to("dispatcher") == []


async def test_one_task_taken_away_leaves_the_others_alone(stage: Stage) -> None:
    """Of a share of two runs, the cancelled run's task is refused; the other run's are done, in the same invocation."""
    url = "https://other.example/"
    other = await stage.open([url], crawl=CrawlConfig(name="other", urls=(url,)), lane=LaneConfig(max_invocations=1))
    beside = stage.visitor.hold(url)
    living, holds = await at_work(stage, PAGES[:2])
    await beside.started()
    assert await runs.cancel(stage.database, other) == 1
    for hold in (beside, *holds):
        hold.release.set()
    result = await living
    assert (result["done"], result["stale"]) == (2, 1)
    assert await stage.tasks() == {"done": 2, "failed": 1}
    assert await stage.invocations() == ["succeeded"]


async def test_an_event_that_comes_after_orphaned_does_nothing(stage: Stage) -> None:
    """Delivered late, an invocation that was given up is a duplicate like any other."""
    await stage.open(PAGES)
    (message,) = await stage.asked()
    assert len((await rescue.reap_lane(stage.database, LANE, location=location, pending_ttl=-1)).orphaned) == 1
    assert await stage.live(message) == {"duplicate": True}
    assert stage.visitor.visited == []


async def test_an_event_of_no_invocation_does_nothing(stage: Stage) -> None:
    """An id that the ledger does not know starts nothing."""
    unknown = Crawl.model_validate({"invocation_id": "00000000-0000-4000-8000-000000000000", "lane": LANE})
    assert await stage.live(unknown) == {"duplicate": True}


async def test_the_visitor_is_closed_however_it_ends(stage: Stage) -> None:
    """A visitor whose close fails makes the invocation fail aloud: a browser may be left."""
    await stage.open(PAGES[:1])
    stage.visitor.close_error = OSError("the browser would not die")
    with pytest.raises(OSError, match="would not die"):
        await stage.live()
    assert await stage.invocations() == ["failed"]
    assert await stage.tasks() == {"done": 1}
