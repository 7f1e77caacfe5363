"""What goes wrong during a visit: the page's fault, the browser's, and the crawler's own."""

import asyncio

import pytest
import structlog

from support.crawler_stage import CRAWLER, Stage
from support.ledger import location, make_old, urls
from support.races import PATIENCE
from support.visitor import bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.ids import LaneName
from trapline_common.domain.observation import Reason
from trapline_common.ledger import rescue
from trapline_crawler.browser.errors import BrowserDiedError
from trapline_crawler.services import Pace

PAGE = urls(1)[0]
TASK = (
    "SELECT status::text, attempts, rescues, reason || coalesce(': ' || detail, '') FROM trapline.task WHERE url = $1"
)


async def test_a_page_that_fails_is_retried_with_backoff_and_then_failed(stage: Stage) -> None:
    """The retries of a run wait 1 and 2 s, each due by the database's clock; the last failure is the result."""
    await stage.open([PAGE], crawl=CrawlConfig(name="docs", urls=(PAGE,), retries=2))
    stage.visitor.script(PAGE, *(bad(PAGE, retry=True) for _ in range(3)))
    for attempt, seconds in ((1, 1.0), (2, 2.0)):
        assert (await stage.live())["retried"] == 1
        assert await stage.rows(TASK, PAGE) == [("created", attempt, 0, "timeout: it failed")]
        wait = "SELECT extract(epoch FROM run_at - now())::float FROM trapline.task"
        assert 0 < (await stage.rows(wait))[0][0] <= seconds
        assert (await stage.rows(wait))[0][0] > seconds - 1
        await make_old(stage.database, "task", "run_at", seconds)
    assert (await stage.live())["failed"] == 1
    assert await stage.rows(TASK, PAGE) == [("failed", 2, 0, "timeout: it failed")]
    assert await stage.rows("SELECT reason, detail FROM trapline.observation") == [("timeout", "it failed")]
    assert await stage.rows("SELECT outcome::text, tasks_failed FROM trapline.run") == [("completed", 1)]


async def test_a_failure_that_will_not_mend_is_not_retried(stage: Stage) -> None:
    """A 404 is a result at once."""
    await stage.open([PAGE])
    stage.visitor.script(PAGE, bad(PAGE, Reason.HTTP_STATUS, retry=False))
    assert (await stage.live())["failed"] == 1
    assert stage.visitor.visited == [PAGE]


async def test_a_retry_of_its_own_is_waited_for(stage: Stage) -> None:
    """Rather than leave a retry that is due in a second to a cold start, the invocation waits for it."""
    await stage.open([PAGE])
    stage.pace = Pace(linger=5.0)
    stage.visitor.script(PAGE, bad(PAGE, retry=True))
    result = await stage.live()
    assert (result["retried"], result["done"], result["shares"]) == (1, 1, 2)
    assert await stage.invocations() == ["succeeded"]


async def test_a_browser_fault_is_charged_and_the_task_leased_alone_next(stage: Stage) -> None:
    """The task of a visit that the browser lost goes back at once, charged, and loads with no neighbour beside it."""
    pages = urls(5)
    await stage.open(pages, lane=LaneConfig(pages_in_flight=3, tasks_per_invocation=3, max_invocations=1))
    holds = {page: stage.visitor.hold(page) for page in pages[:2]}
    lost = stage.visitor.hold(pages[2], then=BrowserDiedError("the browser died"))
    living = asyncio.create_task(stage.live())
    await lost.started()
    lost.release.set()
    async with asyncio.timeout(PATIENCE):  # until it is leased again, with its neighbours still loading
        while await stage.rows(TASK, pages[2]) != [("leased", 0, 1, "browser: the browser died")]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    for hold in holds.values():
        await hold.started()
        hold.release.set()
    result = await living
    assert (result["done"], result["rescued"], result["failed"]) == (5, 1, 0)
    assert [others for page, others in stage.visitor.beside if page == pages[2]] == [2, 0]
    assert stage.visitor.most_in_flight == 3
    assert await stage.rows(TASK, pages[2]) == [("done", 0, 1, None)]


async def test_exhausted_rescues_fail_the_task_with_the_faults_reason_and_an_alert(stage: Stage) -> None:
    """The third fault of the browser ends the task ``failed``, and alerts people in its first run."""
    await stage.open([PAGE, urls(2)[1]])
    stage.visitor.script(PAGE, *(BrowserDiedError("no life in it") for _ in range(3)))
    result = await stage.live()
    assert (result["done"], result["rescued"], result["failed"]) == (1, 2, 1)
    assert await stage.rows(TASK, PAGE) == [("failed", 0, 2, "browser: no life in it")]
    assert await stage.alerts() == ["failure"]
    assert await stage.rows("SELECT reason FROM trapline.observation WHERE url = $1", PAGE) == [("browser",)]


async def test_a_bug_that_one_page_brings_to_light_costs_that_task_only(stage: Stage) -> None:
    """An unexpected error of a visit is logged with its traceback and charged to its task; the neighbours are done."""
    pages = urls(4)
    await stage.open(pages)
    stage.visitor.script(pages[1], *(ZeroDivisionError("a bug") for _ in range(3)))
    with structlog.testing.capture_logs() as logs:
        result = await stage.live()
    assert (result["done"], result["failed"]) == (3, 1)
    assert await stage.rows(TASK, pages[1]) == [("failed", 0, 2, "browser: ZeroDivisionError: a bug")]
    assert await stage.alerts() == ["failure"]
    broke = [line for line in logs if line["event"] == "visit_broke"]
    assert len(broke) == 3
    assert all(line["exc_info"] for line in broke)
    assert await stage.invocations() == ["succeeded"]


async def test_a_visitor_that_cant_be_made_fails_the_invocation(stage: Stage) -> None:
    """An error before the first visit ends the row ``failed`` too, not ``orphaned`` a minute later."""
    await stage.open([PAGE])
    stage.no_visitor = OSError("no space for a profile")
    with pytest.raises(OSError, match="no space"):
        await stage.live()
    assert await stage.rows("SELECT status::text, reason || coalesce(': ' || detail, '') FROM trapline.invocation") == [
        ("failed", "OSError: no space for a profile")
    ]
    assert await stage.tasks() == {"created": 1}


async def test_a_lost_connection_fails_the_invocation_and_loses_no_task(stage: Stage) -> None:
    """Postgres cuts the connection in the middle: the error is raised, reap ends the row and rescues started tasks."""
    await stage.open(urls(3), lane=LaneConfig(pages_in_flight=1))
    hold = stage.visitor.hold(urls(2)[1])
    living = asyncio.create_task(stage.live())
    await hold.started()
    await stage.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", CRAWLER)
    hold.release.set()
    with pytest.raises(LedgerUnavailableError):
        await living
    assert stage.visitor.closed == 1
    assert await stage.invocations() == ["running"]
    found = await rescue.reap_lane(stage.database, LaneName("default"), location=location, heartbeat_ttl=-1)
    assert (len(found.orphaned), len(found.returned)) == (1, 2)
    assert await stage.rows("SELECT url, rescues FROM trapline.task WHERE status = 'created' ORDER BY id") == [
        (urls(2)[1], 1),
        (urls(3)[2], 0),
    ]
    await stage.live()
    assert await stage.tasks() == {"done": 3}
