"""The rooms of ``isolation: clean``: who gets one, how long it lives, and what a fault in one costs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from support.crawling import LIMITS, crawl, until
from support.hostile import HostileSite
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_pool import PagePool
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
PATIENT = replace(LIMITS, wipe=60, wait_for_wipe=60)
"""A loaded machine wipes within these."""


@pytest_asyncio.fixture(loop_scope="module")
async def contexts(browser: Browser) -> AsyncIterator[Callable[[], list[BrowserContext]]]:
    """The contexts that are open."""
    live = await browser.ready()
    yield lambda: live.browser.contexts


async def _visit(visitor: BrowserVisitor, site: HostileSite, *paths: str, **values: object) -> list[str | None]:
    """Visit one page after the other, each when the room of the one before is wiped; return what failed."""
    found = []
    for path in paths:
        found.append((await visitor.visit(site.origin + path, crawl(**values))).failure)
        await visitor.rooms.settled()
    return [None if one is None else str(one) for one in found]


async def test_a_room_has_its_share_of_visits(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]]
):
    """A room is closed after ``visits_per_page`` visits, so that the memory of its renderer is given back."""
    visitor = new_visitor(replace(PATIENT, visits_per_page=3))
    assert await _visit(visitor, site, "/good?0", "/good?1", "/good?2") == [None] * 3
    (room,) = contexts()
    assert await _visit(visitor, site, "/good?3") == [None]
    assert contexts() == []
    assert await _visit(visitor, site, "/good?4") == [None]
    assert room not in contexts()


@pytest.mark.parametrize(
    "values",
    [
        {"isolation": "page"},
        {"headers": {"X-Key": "k"}},
        {"cookies": {"a": "b"}},
        {"before": [{"click": "#path"}]},
        {"ignore_tls_errors": True},
    ],
    ids=["page", "headers", "cookies", "before", "tls"],
)
async def test_who_gets_no_room(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]], values: dict[str, object]
):
    """A crawl that acts in its pages, sends what may be kept, or asked for the strict form has a fresh context each."""
    visitor = new_visitor(PATIENT)
    assert await _visit(visitor, site, "/good?0", "/good?1", **values) == [None] * 2
    await until(lambda: contexts() == [])
    assert visitor.rooms.wiped == 0


async def test_another_config_gets_another_room(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]]
):
    """A room belongs to one config; of those that wait no more are kept than ``rooms`` beside what was in use."""
    visitor = new_visitor(replace(PATIENT, rooms=1))
    for number in range(4):
        name = f"ExampleBot/{number}"
        assert await _visit(visitor, site, "/good?a", "/good?b", user_agent=name) == [None] * 2
        assert site.headers_of("/good?b")["user-agent"] == name
    assert visitor.rooms.wiped >= 4
    await until(lambda: len(contexts()) <= 2)


async def test_a_fault_in_a_used_room_is_nobodys(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]]
):
    """A page whose renderer dies in a room that was used before is visited again in a fresh context."""
    visitor = new_visitor(PATIENT)
    assert await _visit(visitor, site, "/good?0", "/good?1") == [None] * 2
    (context,) = contexts()
    (page,) = context.pages
    visit = asyncio.ensure_future(visitor.visit(site.origin + "/half-loaded?dies", crawl(timeout=20)))
    await until(lambda: page.url.endswith("?dies") and any(one.path == "/silent" for one in site.seen))
    session = await context.new_cdp_session(page)
    asyncio.ensure_future(session.send("Page.crash")).add_done_callback(lambda done: done.exception())
    found = await visit
    assert found.title == "Half"
    assert sum(one.path == "/half-loaded?dies" for one in site.seen) == 2
    assert await _visit(visitor, site, "/good?2") == [None]


async def test_a_wipe_that_takes_too_long_costs_the_room(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]]
):
    """A room that is not wiped in time is closed, and the next visit has one of its own."""
    limits: VisitLimits = replace(LIMITS, wipe=0.0)
    visitor = new_visitor(limits)
    assert await _visit(visitor, site, "/good?0", "/good?1", "/good?2") == [None] * 3
    await until(lambda: contexts() == [])
    assert visitor.rooms.wiped == 0


async def test_rooms_that_close_at_once_cost_no_visit(
    new_visitor: NewVisitor,
    site: HostileSite,
    contexts: Callable[[], list[BrowserContext]],
    monkeypatch: pytest.MonkeyPatch,
):
    """Two visits that end while superfluous rooms are being closed do not close the same room twice."""
    visitor = new_visitor(replace(PATIENT, rooms=8))
    for number in range(4):
        assert await _visit(visitor, site, "/good?a", "/good?b", user_agent=f"ExampleBot/{number}") == [None] * 2
    rooms = visitor.rooms
    monkeypatch.setattr(rooms, "_limits", replace(PATIENT, rooms=0))
    close, closing = rooms._contexts.close, asyncio.Event()

    async def slowly(pool: PagePool) -> None:
        closing.set()
        await asyncio.sleep(0.2)
        await close(pool)

    monkeypatch.setattr(rooms._contexts, "close", slowly)
    taken = [await rooms.take(crawl(user_agent=f"ExampleBot/{number}"), site.origin) for number in (0, 1)]
    first = asyncio.ensure_future(rooms.give_back(taken[0]))
    await closing.wait()
    await asyncio.gather(first, rooms.give_back(taken[1]))
    await rooms.settled()
    await until(lambda: len(contexts()) <= 2)


@pytest.mark.parametrize("isolation", ["clean", "crawl"])
async def test_a_used_page_lets_go_of_the_documents_that_it_left(
    new_visitor: NewVisitor, site: HostileSite, contexts: Callable[[], list[BrowserContext]], isolation: str
):
    """After ``visits_per_collection`` visits its renderer holds no more documents than after one."""

    async def documents(context: BrowserContext) -> int:
        session = await context.new_cdp_session(context.pages[0])
        try:
            return int((await session.send("Memory.getDOMCounters"))["documents"])
        finally:
            await session.detach()

    async def before_and_after() -> tuple[int, int]:
        visitor = new_visitor(replace(PATIENT, visits_per_collection=8, wipes_per_collection=8))
        for number in range(7):
            assert await _visit(visitor, site, f"/good?{number}", isolation=isolation) == [None]
        context = contexts()[-1]
        before = await documents(context)
        # The first visit of a host in `clean` is in a room that is closed, so a room has one visit less
        assert await _visit(visitor, site, "/good?7", "/good?8", isolation=isolation) == [None] * 2
        after = [await documents(context)]
        for _ in range(20):  # soon: a page that stays in its context has it collected beside the next visit
            await asyncio.sleep(0.1)
            after.append(await documents(context))
        return before, min(after)

    # A renderer that nobody asks collects too, when it has had nothing to do for seconds, as on a loaded machine
    found = [await before_and_after()]
    while not (found[-1][0] > 6 and found[-1][1] <= 4) and len(found) < 3:
        found.append(await before_and_after())
    before, after = found[-1]
    assert before > 6, found
    assert after <= 4, found
