"""What the screens become: printed, with everything opened, for looking only, closed, away, or of another release."""

import json

import pytest
from playwright.async_api import Browser, Page

from support.web_browser import entered, violations
from support.web_stage import Stage, addresses
from support.web_view import TOKEN, Recorded, Served, served
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.connection import Database

PAPER = 718
"""CSS pixels: the width of A4 without its margins."""
STATUS = ("status of 401", "status of 403", "status of 404", "status of 503")
"""What a browser says of an answer that these tests ask for."""
TABBABLE = """[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter(
  part => part.checkVisibility({visibilityProperty: true}) && !part.disabled && part.tabIndex >= 0
    && part.type != 'hidden' && (!document.querySelector('dialog[open]') || part.closest('dialog')))"""


STANDS = "XMLHttpRequest.prototype.send = () => {}"
"""Keeps the part of a screen that moves as it is, so that what is counted stays there."""


async def wide(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def walked(page: Page) -> tuple[int, int]:
    """Press Tab through a page; return how many things can be used, and how many of them were reached and in sight."""
    there = int(
        await page.evaluate(
            f"document.activeElement?.blur(); window.parts = {TABBABLE}; window.reached = new Set(); parts.length"
        )
    )
    for _ in range(there + 3):
        await page.keyboard.press("Tab")
        await page.evaluate(
            "() => { const at = document.activeElement, box = at.getBoundingClientRect(); if (parts.includes(at) && "
            "box.width && box.right > 0 && box.bottom > 0 && box.top < innerHeight) reached.add(at); }"
        )
    return there, int(await page.evaluate("window.reached.size"))


def unexpected(wrong: list[str]) -> list[str]:
    """Return what a browser complained of, but for the statuses that a test asked for."""
    return [line for line in wrong if not any(status in line for status in STATUS)]


async def test_every_screen_is_printed_in_dark_ink_on_white_paper(browser: Browser, view: Served, shop: Stage) -> None:
    """Also for whoever chose the dark; nothing is cut off at the paper's width, and no button is printed."""
    found: list[str] = []
    async with entered(browser, view, viewport={"width": PAPER, "height": 1000}) as (context, wrong):
        page = await context.new_page()
        await page.emulate_media(media="print")
        await page.goto(view.origin)
        await page.evaluate("localStorage.setItem('trapline-theme', 'dark')")
        for name, path in addresses(shop).items():
            await page.goto(view.origin + path)
            assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
            ink = await page.evaluate("getComputedStyle(document.querySelector('h1')).color")
            found += [f"{name}: {ink}"] if ink != "rgb(23, 33, 29)" else []
            found += [f"{name}: {await wide(page)} px too wide"] if await wide(page) > 0 else []
            pressed = page.locator("button, .btn, nav.main").locator("visible=true")
            found += [f"{name}: {await part.evaluate('part => part.outerHTML')}" for part in await pressed.all()]
            # the last, as the end of axe's session ends the emulation of paper until the next screen
            found += [f"{name}: {line}" for line in await violations(page, ("color-contrast",))]
    assert "\n".join(found + wrong) == ""


@pytest.mark.parametrize("width", [1280, 390])
async def test_what_can_be_opened_is_readable_when_it_is_open(
    browser: Browser, view: Served, shop: Stage, width: int
) -> None:
    """The config of a run, the forms that ask why, visits that are folded, lines to paste: by keyboard as well."""
    found: list[str] = []
    async with entered(browser, view, viewport={"width": width, "height": 800}) as (context, wrong):
        page = await context.new_page()
        opened = 0
        for name in ("run", "page", "page-failing", "crawl"):
            await page.goto(view.origin + addresses(shop)[name])
            for part in await page.locator("details").all():
                await part.locator("summary").focus()
                await page.keyboard.press("Enter")
                assert await part.get_attribute("open") is not None
                opened += 1
                found += [f"{name}: {await wide(page)} px too wide"] if await wide(page) > 0 else []
                if await part.locator("form").count():  # one covers what is below it until it is closed
                    found += [f"{name}: {line}" for line in await violations(page, ())]
                    await page.keyboard.press("Enter")
            found += [f"{name}: {line}" for line in await violations(page, ())]
        assert opened >= 5
    assert "\n".join(found + wrong) == ""


async def test_the_list_of_keys_is_a_dialog(browser: Browser, view: Served) -> None:
    """Focus goes into it and stays; Escape and its button close it, and lead back to where one was."""
    async with entered(browser, view) as (context, wrong):
        page = await context.new_page()
        await page.clock.install()
        await page.goto(view.origin)
        first = page.locator("a.nm").first
        for close in ("Escape", "Enter"):
            await first.focus()
            await page.keyboard.press("?")
            assert await page.evaluate("document.activeElement.closest('dialog')?.id") == "keys"
            assert await page.get_by_role("dialog", name="Keys").is_visible()
            assert await violations(page, ()) == []
            assert await walked(page) == (1, 1)
            async with page.expect_response(lambda answer: "offset=" in answer.url):  # what moves stands meanwhile
                await page.clock.fast_forward(16_000)
            await page.locator("#keys button").focus()
            await page.keyboard.press(close)
            await page.locator("#keys").wait_for(state="hidden")
            assert await first.evaluate("part => part === document.activeElement")
    assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_door_is_for_everybody(browser: Browser, view: Served, width: int) -> None:
    """Of a screen, of a used link, after a wrong token: read by axe, in both schemes, and entered by keyboard alone."""
    for scheme in ("light", "dark"):
        page = await browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        wrong: list[str] = []
        page.on("console", lambda message, wrong=wrong: wrong.append(message.text))
        for path in ("/runs", "/enter?once=used", "/nowhere", "/api/../pages/1"):
            await page.goto(view.origin + path)
            assert await page.locator("#token").is_visible(), path
            assert await violations(page, ()) == []
            assert await wide(page) <= 0
            assert "`" not in await page.locator("main").inner_text()
        for token in ("wrong", TOKEN):
            assert await walked(page) == (2, 2)
            await page.locator("#token").focus()
            await page.keyboard.type(token)
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            assert await page.locator("#token").count() == (token != TOKEN)
            assert await violations(page, ()) == []
        assert unexpected(wrong) == []
        await page.close()


async def test_what_is_not_there_or_away_is_a_page_like_others(browser: Browser, shop: Stage) -> None:
    """404 and 503: words, a way on, the keyboard, and nothing that axe finds; it is there when the ledger is."""
    away = True

    async def connect() -> Database:
        if away:
            raise LedgerUnavailableError("Postgres: it is being started")
        return await Database.connect(shop.dsn)

    async with (
        served(shop.dsn, shop.artifacts, connect=connect, actions=Recorded()) as view,
        entered(browser, view, viewport={"width": 390, "height": 800}, color_scheme="dark") as (context, wrong),
    ):
        await context.add_init_script(STANDS)
        page = await context.new_page()
        for path, words in (
            ("/", "Postgres: it is being"),
            ("/nowhere", "leads to no screen"),
            ("/runs/999", "no run 999"),
        ):
            await page.goto(view.origin + path)
            assert words in await page.locator("main").inner_text()
            assert await violations(page, ()) == []
            assert await wide(page) <= 0
            there, reached = await walked(page)
            assert there == reached > 8
            away = False
        await page.goto(view.origin)
        assert await page.locator("#v").is_visible()
        assert unexpected(wrong) == []


async def test_for_looking_only_nothing_seems_to_be_a_button(browser: Browser, shop: Stage) -> None:
    """With --read-only: no form but the search, each thing that can be used is reached, and axe finds nothing."""
    async with (
        served(shop.dsn, shop.artifacts, actions=None) as view,
        entered(browser, view) as (context, wrong),
    ):
        await context.add_init_script(STANDS)
        page = await context.new_page()
        for name in ("overview", "page-failing", "page", "run", "run-open", "crawl", "alerts"):
            await page.goto(view.origin + addresses(shop)[name])
            assert await violations(page, ()) == [], name
            assert await page.locator("form[method=post]").count() == 0
            assert await page.locator("footer", has_text="Read only").count() == 1
            there, reached = await walked(page)
            assert there == reached, name
    assert wrong == []


NEWER = "INSERT INTO trapline.migration (version, name, checksum) VALUES (999, 'later', 'x')"
OLDER = "DELETE FROM trapline.migration WHERE version = (SELECT max(version) FROM trapline.migration)"


@pytest.mark.parametrize(
    ("another", "words"), [(NEWER, "install the release that migrated it"), (OLDER, "run `trapline migrate`")]
)
async def test_a_ledger_of_another_release_is_shown_or_refused_in_words(
    browser: Browser, dsn: str, shop: Stage, another: str, words: str
) -> None:
    """What this release can still read is shown; a screen that needs what is not there says what to do."""
    async with (
        await Database.connect(dsn) as database,
        served(dsn, shop.artifacts, actions=Recorded()) as view,
        entered(browser, view) as (context, wrong),
    ):
        page = await context.new_page()
        await database.connection.execute(another)
        assert (await view.get("/runs")).status == 200
        await database.connection.execute("ALTER TABLE trapline.run RENAME COLUMN acted_by TO asked_by")
        await page.goto(f"{view.origin}/runs")
        assert await page.locator("h1").inner_text() == "The ledger is of another release"
        assert words.replace("`", "") in await page.locator("main").inner_text()
        assert await violations(page, ()) == []
        program = await view.get("/api/v1/runs")
        assert (program.status, words in json.loads(program.body)["error"]) == (503, True)
        assert (await view.get("/lanes")).status == 200
    assert unexpected(wrong) == []
