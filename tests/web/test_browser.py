"""Every screen in a real Chromium: for people who read in the dark, on a telephone, by keyboard, or with a reader."""

import hashlib
import json
from typing import Literal

import pytest
from playwright.async_api import Browser

from support.ledger import complete, one_ready, open_run, urls
from support.web_browser import VENDORED, entered, violations
from support.web_stage import Stage, addresses
from support.web_view import Recorded, Served, served
from tools.shell import ROOT
from trapline_common.config.models import CrawlConfig
from trapline_common.ledger import invocations, runs, tasks
from trapline_common.ledger.connection import Database

PICTURES = ROOT / "build/web"
"""Where pictures of the screens are left, for people to look at."""
LOOKS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1280, "light"),
    "dark": (1280, "dark"),
    "narrow": (390, "light"),
}


COLOURS = ("color-contrast", "link-in-text-block")
"""The rules to which a dark screen makes a difference."""
SIZES = (
    *COLOURS,
    "region",
    "scrollable-region-focusable",
    "target-size",
    "link-name",
    "button-name",
    "meta-viewport",
    "tabindex",
    "list",
    "dlitem",
)
"""The rules to which a narrow screen makes a difference."""
RULES: dict[str, tuple[str, ...]] = {"light": (), "dark": COLOURS, "narrow": SIZES}
"""Of each look; none: all of them."""


def test_what_is_vendored_is_what_it_says() -> None:
    """Each file that others wrote has its name, version, licence and hash beside it."""
    told = json.loads((VENDORED / "vendored.json").read_text())
    files = {path.name for path in VENDORED.iterdir()} - {"vendored.json"}
    assert files == set(told)
    for name, facts in told.items():
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == facts["sha256"]
        assert facts["licence"]


@pytest.mark.parametrize("look", LOOKS)
async def test_every_screen_is_readable_and_asks_nothing_of_others(
    browser: Browser, view: Served, shop: Stage, look: str
) -> None:
    """No violation, no error, no request off the origin, nothing wider than the window."""
    width, scheme = LOOKS[look]
    PICTURES.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    async with entered(browser, view, viewport={"width": width, "height": 800}, color_scheme=scheme) as (
        context,
        wrong,
    ):
        page = await context.new_page()
        for name, path in addresses(shop).items():
            await page.goto(view.origin + path)
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [f"{name}: {line}" for line in await violations(page, RULES[look])]
            found += [f"{name}: {wide} px too wide"] if wide > 0 else []
            await page.screenshot(path=PICTURES / f"{name}-{look}.png", full_page=True)
    assert "\n".join(found + wrong) == ""


async def test_without_javascript_every_screen_says_the_same(browser: Browser, view: Served, shop: Stage) -> None:
    """Headings, links and both pictures are there; nothing that only a script could use is shown."""
    async with entered(browser, view, java_script_enabled=False) as (context, wrong):
        page = await context.new_page()
        for path in addresses(shop).values():
            await page.goto(view.origin + path)
            assert await page.locator("h1").is_visible()
            assert await page.locator(".js").locator("visible=true").count() == 0
        await page.goto(view.origin + addresses(shop)["page"])
        assert await page.locator(".stage img").locator("visible=true").count() == 2
        await page.goto(view.origin + addresses(shop)["run-open"])
        assert await page.get_by_text("does not move by itself").is_visible()
    assert wrong == []


async def test_the_keyboard_leads_everywhere(browser: Browser, view: Served, shop: Stage) -> None:
    """Skip link first; / finds, ? helps, g h goes home, j and k turn, 1 to 4 and the arrows compare pictures."""
    async with entered(browser, view) as (context, wrong):
        page = await context.new_page()
        await page.goto(view.origin + addresses(shop)["page"])
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
        await page.keyboard.press("Enter")
        assert await page.evaluate("location.hash") == "#main"
        for key, mode in (("2", "onion"), ("3", "diff"), ("4", "side"), ("1", "slide")):
            await page.keyboard.press(key)
            assert await page.locator("#stage").get_attribute("data-mode") == mode
        await page.locator("#slide").focus()
        before = await page.evaluate("getComputedStyle(document.getElementById('stage')).getPropertyValue('--x')")
        await page.keyboard.press("ArrowRight")
        after = await page.evaluate("getComputedStyle(document.getElementById('stage')).getPropertyValue('--x')")
        assert (before, after) == ("50%", "51%")
        await page.locator("#main").focus()
        await page.keyboard.press("?")
        assert await page.locator("#keys").is_visible()
        await page.keyboard.press("Escape")
        shown = page.url
        await page.keyboard.press("j")
        await page.wait_for_url(lambda url: url != shown and "?to=" in url)
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.id") == "find"
        await page.locator("#main").focus()
        await page.keyboard.press("g")
        await page.keyboard.press("h")
        await page.wait_for_url(view.origin + "/")
    assert wrong == []


async def test_times_are_of_the_viewers_zone(browser: Browser, view: Served, shop: Stage) -> None:
    """What the server writes in UTC is read six hours earlier in Chicago in winter; the title has both."""
    async with entered(browser, view, timezone_id="America/Chicago", locale="en-GB") as (context, wrong):
        page = await context.new_page()
        await page.goto(view.origin + addresses(shop)["page"])
        moment = page.locator("time[data-f=abs]").first
        utc = await moment.get_attribute("datetime")
        expected = await page.evaluate(
            "t => new Intl.DateTimeFormat('en-GB', {timeZone: 'America/Chicago', hour: '2-digit', minute: '2-digit', "
            "hourCycle: 'h23'}).format(new Date(t))",
            utc,
        )
        assert expected in await moment.inner_text()
        title = await moment.get_attribute("title")
        assert "America/Chicago" in str(title)
        assert "UTC" in str(title)
    assert wrong == []


async def test_hostile_texts_do_nothing_in_a_real_browser(browser: Browser, bad_view: Served, bad: Stage) -> None:
    """No dialog, no request, no element of theirs, in any screen that shows them."""
    page_of = next(number for url, number in bad.seeded.pages.items() if "hostile" in url)
    kettle = bad.seeded.pages["https://shop.example/products/kettle"]
    run = bad.seeded.last["bad"]
    async with entered(browser, bad_view) as (context, wrong):
        page = await context.new_page()
        for path in (
            "/",
            f"/pages/{page_of}",
            f"/pages/{page_of}?view=side",
            f"/pages/{kettle}",
            f"/runs/{run}",
            "/changes",
            "/failures",
            "/alerts",
            "/pages",
            "/crawls/bad",
            "/find?q=%3Csvg%20onload%3Dalert(1)%3E",
        ):
            await page.goto(bad_view.origin + path)
            assert await page.locator("main script, main iframe, main svg[onload], main [onerror]").count() == 0
            assert await page.locator("script").count() == 2
    # a picture that is none is refused, and the browser says so
    assert [line for line in wrong if "404" not in line] == []


async def test_a_run_moves_and_ends_without_a_reload(
    browser: Browser, dsn: str, shop: Stage, actions: Recorded
) -> None:
    """The bar moves within three seconds of the fact, and stands still while nobody looks."""
    async with (
        await Database.connect(dsn) as database,
        served(dsn, shop.artifacts, actions=actions) as view,
        entered(browser, view) as (context, wrong),
    ):
        run = await open_run(database, urls(2), crawl=CrawlConfig(name="docs", urls=tuple(urls(2))))
        held = await one_ready(database)
        share = await tasks.lease_share(database, held, share=2, another=False)
        page = await context.new_page()
        await page.goto(f"{view.origin}/runs/{run}")
        await page.evaluate("window.stays = true")
        assert "0 of 2 done" in await page.locator("h1").inner_text()
        await tasks.start(database, share[0].lease)
        await complete(database, share[0])
        await page.locator("h1", has_text="1 of 2 done").wait_for(timeout=3_000)
        await tasks.start(database, share[1].lease)
        await complete(database, share[1])
        assert await invocations.succeed(database, held)
        assert await runs.end_if_done(database, run)
        await page.locator("h1", has_text="2 done, nothing changed").wait_for(timeout=3_000)
        assert await page.evaluate("window.stays") is True
        assert await page.locator("[data-live]").count() == 0
    assert wrong == []


async def test_a_hidden_screen_asks_nothing(browser: Browser, view: Served, shop: Stage) -> None:
    """While the tab is hidden no request is made; when it is shown again, one is made at once."""
    async with entered(browser, view) as (context, _):
        page = await context.new_page()
        await page.clock.install()
        await page.goto(view.origin + addresses(shop)["run-open"])
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        hide = "v => { Object.defineProperty(document, 'hidden', {value: v, configurable: true}); "
        hide += "document.dispatchEvent(new Event('visibilitychange')); }"
        await page.evaluate(hide, arg=True)
        await page.clock.run_for(60_000)
        assert asked == []
        async with page.expect_request(lambda request: "/runs/" in request.url):
            await page.evaluate(hide, arg=False)
