"""The view at its edges: very long and foreign texts, a large zoom, a ledger of which nothing is known so far."""

import xml.etree.ElementTree as ET

import pytest
from playwright.async_api import Browser

from support.web_browser import entered, violations
from support.web_ledger import crawled, seen
from support.web_stage import Stage
from support.web_view import Recorded, Served, served
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger.connection import Database

ATOM = "{http://www.w3.org/2005/Atom}"
LONG = "x" * 2_000
"""No place to break a line at."""
NAMES = (LONG, 'متجر القهوة Kettle 34 ש"ח אבג', "🏕️👩‍👩‍👧‍👦 Zelt \ufffe\uffff ﷽", "कॉफ़ी 咖啡壺 กาแฟ" * 40)
ADDRESSES = (
    f"https://shop.example/{LONG[:1_900]}",
    "https://xn--mgbh0fb.example/%D9%82%D9%87%D9%88%D8%A9?q=%F0%9F%8F%95",
    "https://bücher.example/zelt/🏕️",
    f"https://{'a' * 63}.example/?{'%E2%9C%93' * 60}",
)
WIDTHS = (1280, 640, 390)
"""CSS pixels: a desktop's window, the same at 200 %, a telephone."""
LISTS = ("/", "/runs", "/pages", "/changes", "/failures", "/lanes", "/invocations", "/alerts", "/costs", "/find?q=x")


async def _strange(database: Database) -> tuple[int, ...]:
    """Crawl pages with strange names: changed, then failing. Return the pages' numbers."""
    crawl = CrawlConfig(name="strange", urls=ADDRESSES, extract={"price": ".price"})
    for price in ("$1", LONG):
        found = [
            seen(url, f"{name}\n{price}", {"price": f"{name} {price}"}, title=name)
            for url, name in zip(ADDRESSES, NAMES, strict=True)
        ]
        await crawled(database, crawl, found)
    failed = Failure(reason=Reason.HTTP_STATUS, detail=LONG, retry=False)
    await crawled(database, crawl, [Observation(url=url, failure=failed) for url in ADDRESSES[:2]])
    return tuple(row["id"] for row in await database.connection.fetch("SELECT id FROM trapline.page ORDER BY id"))


async def _wrong(browser: Browser, view: Served, paths: list[str]) -> str:
    found: list[str] = []
    async with entered(browser, view) as (context, wrong):
        page = await context.new_page()
        for path in paths:
            await page.goto(view.origin + path)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 800})
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                found += [f"{path} at {width}: {wide} px too wide"] if wide > 0 else []
            found += [f"{path}: {line}" for line in await violations(page, ())]
    return "\n".join(found + wrong)


async def test_long_and_foreign_texts_fit_every_screen(browser: Browser, dsn: str, shop: Stage) -> None:
    """2,000 letters without a space, Arabic and Hebrew among Latin, emoji, IDN: at 200 % and at 390 px too."""
    async with await Database.connect(dsn) as database:
        pages = await _strange(database)
    screens = [*LISTS, "/crawls/strange", "/runs/2", "/runs/3"]
    screens += [path for page in pages for path in (f"/pages/{page}", f"/pages/{page}?view=side")]
    async with served(dsn, shop.artifacts, actions=Recorded()) as view:
        assert await _wrong(browser, view, screens) == ""


async def test_no_text_spoils_the_feed_and_each_crawls_feed_has_its_own_name(dsn: str, shop: Stage) -> None:
    """A character that no XML may hold is replaced; a reader that drops repeats by id takes two feeds for two."""
    async with await Database.connect(dsn) as database:
        await _strange(database)
    async with served(dsn, shop.artifacts) as view:
        feeds = [ET.fromstring((await view.get(f"/changes.atom{of}")).body) for of in ("", "?crawl=strange")]
    for feed in feeds:
        assert len(feed.findall(f"{ATOM}entry")) == len(ADDRESSES)
    assert len({feed.findtext(f"{ATOM}id") for feed in feeds}) == len(feeds)
    assert [link.get("href") for feed in feeds for link in feed.findall(f"{ATOM}link")] == [
        f"{view.origin}/changes.atom",
        f"{view.origin}/changes.atom?crawl=strange",
    ]


async def test_a_ledger_of_nothing_is_shown_by_every_screen(browser: Browser, dsn: str, shop: Stage) -> None:
    """Each answers with a sentence, and axe finds nothing."""
    async with served(dsn, shop.artifacts, actions=Recorded()) as view:
        for path in LISTS:
            assert (await view.get(path)).status == 200, path
        assert await _wrong(browser, view, list(LISTS)) == ""


@pytest.mark.parametrize("width", [390, 900])
async def test_every_screen_and_the_search_stay_in_reach(browser: Browser, dsn: str, shop: Stage, width: int) -> None:
    """On a narrow window no link of the top is cut off or hidden, without JavaScript either."""
    size = {"width": width, "height": 800}
    async with (
        served(dsn, shop.artifacts) as view,
        entered(browser, view, viewport=size, java_script_enabled=False) as (context, wrong),
    ):
        page = await context.new_page()
        await page.goto(view.origin)
        for part in [*await page.locator("nav.main a").all(), page.locator("#find")]:
            box = await part.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    assert wrong == []
