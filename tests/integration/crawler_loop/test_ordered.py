"""Ordered tasks: one session, a checkpoint after every page, and no page twice."""

import asyncio

import pytest

from support.alerts import Clock
from support.crawler_stage import Stage
from support.ledger import LANE, location, urls
from support.visitor import MemorySession, bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.observation import Reason
from trapline_common.ledger import rescue
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.browser.errors import BrowserDiedError

PAGES = urls(4)
WALK = CrawlConfig(name="walk", urls=tuple(PAGES), ordered=True)
TASK = "SELECT status::text, position, failed_pages, rescues, reason || coalesce(': ' || detail, '') FROM trapline.task"
SEEN = "SELECT position, url, reason FROM trapline.observation ORDER BY id"


async def open_walk(stage: Stage, crawl: CrawlConfig = WALK) -> None:
    """Open a run of the ordered crawl."""
    await stage.open(PAGES, crawl=crawl)


def time_for(stage: Stage, pages: int) -> Deadline:
    """Return a deadline that leaves time for so many pages (60 s each, of a clock that only visits move)."""
    clock = Clock()

    def pass_time(_url: str) -> None:
        clock.now += 60

    stage.visitor.on_visit = pass_time
    return Deadline.after(60.0 * pages + 20, clock=clock)


async def test_the_pages_are_visited_in_order_in_one_session(stage: Stage) -> None:
    """The pages of an ordered task follow each other in one session, each result visible as soon as it was found."""
    await open_walk(stage)
    third = stage.visitor.hold(PAGES[2])
    living = asyncio.create_task(stage.live())
    await third.started()
    assert await stage.rows(SEEN) == [(0, PAGES[0], None), (1, PAGES[1], None)]
    assert await stage.rows(TASK) == [("leased", 2, 0, 0, None)]
    third.release.set()
    assert (await living)["done"] == 1
    assert stage.visitor.visited == PAGES
    assert [session.closed for session in stage.visitor.sessions] == [True]
    assert await stage.rows(TASK) == [("done", 4, 0, 0, None)]
    assert await stage.rows("SELECT status::text FROM trapline.run") == [("ended",)]


async def test_the_next_invocation_resumes_behind_the_last_recorded_page(stage: Stage) -> None:
    """Out of time, the task goes back; the next invocation goes on at its position, with the session as it was."""
    await open_walk(stage)
    result = await stage.live(deadline=time_for(stage, 2))
    assert (result["handed_back"], result["rescued"]) == (1, 0)
    assert await stage.rows(TASK) == [("created", 2, 0, 0, None)]
    assert stage.nudger.to("dispatcher") != []
    stage.visitor.on_visit = lambda _: None
    assert (await stage.live())["done"] == 1
    assert stage.visitor.visited == PAGES
    assert stage.visitor.sessions[1].restored == {
        "cookies": [{"name": "login", "value": "open-sesame"}],
        "seen": PAGES[:2],
    }
    assert await stage.rows("SELECT checkpoint FROM trapline.task") == [(None,)]


async def test_the_database_holds_no_readable_session(stage: Stage) -> None:
    """A checkpoint is encrypted: no row shows the cookie or its name, and no other key opens it."""
    await open_walk(stage)
    await stage.live(deadline=time_for(stage, 1))
    ((sealed,),) = await stage.rows("SELECT checkpoint FROM trapline.task")
    assert b"open-sesame" not in sealed
    whole = await stage.rows("SELECT t::text, encode(checkpoint, 'escape') FROM trapline.task t")
    assert "sesame" not in str(whole)
    assert "login" not in str(whole)
    assert type(stage.seal)(type(stage.seal).new_key()).open(sealed) is None


async def test_a_failing_page_is_recorded_and_the_task_goes_on(stage: Stage) -> None:
    """A page that fails costs the task its ``done``, not its other pages; each page is one observation."""
    await open_walk(stage)
    stage.visitor.script(PAGES[1], bad(PAGES[1], Reason.HTTP_STATUS))
    assert (await stage.live())["failed"] == 1
    assert stage.visitor.visited == PAGES
    assert await stage.rows(TASK) == [("failed", 4, 1, 0, "pages: 1 of 4 pages failed")]
    assert [row[2] for row in await stage.rows(SEEN)] == [None, "http_status", None, None]


async def test_a_page_is_retried_in_its_place(stage: Stage) -> None:
    """A page that may mend is tried again before the next one: what follows may depend on it."""
    await open_walk(stage)
    stage.visitor.script(PAGES[1], bad(PAGES[1], retry=True))
    result = await stage.live()
    assert (result["done"], result["retried"]) == (1, 1)
    assert stage.visitor.visited == [PAGES[0], PAGES[1], PAGES[1], PAGES[2], PAGES[3]]
    assert [row[2] for row in await stage.rows(SEEN)] == [None] * 4


async def test_a_fault_in_the_middle_goes_on_from_the_checkpoint(stage: Stage) -> None:
    """The browser dies at the third page: the task is charged and resumed there, with the session after the second."""
    await open_walk(stage)
    stage.visitor.script(PAGES[2], BrowserDiedError("gone"))
    result = await stage.live()
    assert (result["done"], result["rescued"]) == (1, 1)
    assert stage.visitor.visited == [*PAGES[:3], *PAGES[2:]]
    assert stage.visitor.sessions[1].restored == {
        "cookies": [{"name": "login", "value": "open-sesame"}],
        "seen": PAGES[:2],
    }
    assert all(session.closed for session in stage.visitor.sessions)


async def test_a_page_that_kills_every_browser_is_recorded_and_passed(stage: Stage) -> None:
    """After its third fault the page is ``failed`` with the fault's reason; the rest of the task goes on behind it."""
    await open_walk(stage)
    stage.visitor.script(PAGES[1], *(BrowserDiedError("gone") for _ in range(3)))
    result = await stage.live()
    assert (result["failed"], result["rescued"]) == (1, 2)
    assert [row[2] for row in await stage.rows(SEEN)] == [None, "browser", None, None]
    assert await stage.alerts() == ["failure"]
    assert stage.visitor.visited.count(PAGES[3]) == 1


async def test_a_page_that_kills_every_invocation_is_poison_and_passed(stage: Stage) -> None:
    """Invocations that die with a page of an ordered task charge it; the third fails the page, and the task goes on."""
    await open_walk(stage)
    for _ in range(3):
        hold = stage.visitor.hold(PAGES[1], stubborn=True)
        living = asyncio.create_task(stage.live())
        await hold.started()
        found = await rescue.reap_lane(stage.database, LANE, location=location, heartbeat_ttl=-1)
        assert len(found.orphaned) == 1
        hold.release.set()
        assert (await living)["lost"] is True
    assert await stage.rows(TASK) == [("created", 2, 1, 0, "poison: 3 invocations that took it died while it loaded")]
    assert (await stage.live())["failed"] == 1
    assert [row[2] for row in await stage.rows(SEEN)] == [None, "poison", None, None]
    assert stage.visitor.visited.count(PAGES[0]) == 1


async def test_a_lost_connection_visits_no_recorded_page_again(stage: Stage) -> None:
    """Cut off between two pages, the task is rescued to its last recorded position; no committed result is repeated."""
    await open_walk(stage)
    hold = stage.visitor.hold(PAGES[2])
    living = asyncio.create_task(stage.live())
    await hold.started()
    await stage.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'crawler%'")
    hold.release.set()
    with pytest.raises(LedgerUnavailableError):
        await living
    await rescue.reap_lane(stage.database, LANE, location=location, heartbeat_ttl=-1)
    assert (await stage.live())["done"] == 1
    assert stage.visitor.visited == [*PAGES[:3], *PAGES[2:]]
    assert [row[0] for row in await stage.rows(SEEN)] == [0, 1, 2, 3]


async def test_a_stop_hands_an_ordered_task_back_where_it_is(stage: Stage) -> None:
    """Asked to stop while the second page loads, the task goes back uncharged, at the second page."""
    await open_walk(stage)
    stop = asyncio.Event()
    hold = stage.visitor.hold(PAGES[1])
    living = asyncio.create_task(stage.live(stop=stop))
    await hold.started()
    stop.set()
    assert (await living)["handed_back"] == 1
    assert await stage.rows(TASK) == [("created", 1, 0, 0, None)]
    assert stage.visitor.sessions[0].closed
    assert (await stage.live())["done"] == 1


async def test_a_stop_during_a_retry_records_nothing_of_the_page(stage: Stage) -> None:
    """A stop that comes while a page waits for its retry gives the page back whole, not as a failure."""
    await open_walk(stage)
    stop = asyncio.Event()
    stage.visitor.script(PAGES[0], bad(PAGES[0], retry=True))
    stage.visitor.on_visit = lambda _: asyncio.get_running_loop().call_later(0.05, stop.set) and None
    assert (await stage.live(stop=stop))["handed_back"] == 1
    assert await stage.rows(SEEN) == []
    assert await stage.rows(TASK) == [("created", 0, 0, 0, None)]


async def test_what_was_found_stands_when_only_the_session_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If saving the session fails again and again, the page's good visit is recorded, and the old session goes on."""
    await open_walk(stage)

    async def broken(session: MemorySession) -> dict[str, object]:
        if session.seen[-1] == PAGES[1]:
            raise BrowserDiedError("gone")
        return {"cookies": [], "seen": session.seen}

    monkeypatch.setattr(MemorySession, "state", broken)
    result = await stage.live()
    assert (result["done"], result["rescued"]) == (1, 2)
    assert [row[2] for row in await stage.rows(SEEN)] == [None] * 4
    assert stage.visitor.sessions[-1].restored == {"cookies": [], "seen": PAGES[:1]}


async def test_ordered_tasks_and_pages_share_pages_in_flight(stage: Stage) -> None:
    """An ordered task counts as one page in flight: others load beside it."""
    await open_walk(stage)
    others = ["https://a.example/", "https://b.example/"]
    await stage.open(others, lane=LaneConfig(pages_in_flight=2))
    ordered, other = stage.visitor.hold(PAGES[0]), stage.visitor.hold(others[0])
    living = asyncio.create_task(stage.live())
    await ordered.started()
    await other.started()
    ordered.release.set()
    other.release.set()
    assert (await living)["done"] == 3
    assert stage.visitor.most_in_flight == 2
