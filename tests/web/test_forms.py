"""Forms as a real Chromium sends them: doubled clicks, the way back, a session that is over, two browsers."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response

from support.web_browser import entered
from support.web_stage import Stage, addresses
from support.web_view import TOKEN, Recorded, Served

SCREENS = ("overview", "run", "cancel", "page", "page-failing", "crawl", "alerts")
"""Those that have forms."""
FORMS = "main form[method=post]"
KINDS = r"""[...new Map([...document.querySelectorAll('main form[method=post]')].map(
  (form, place) => [form.getAttribute('action').replace(/\d+|(?<=crawls\/)[^/]+/, '*'), place])).values()]"""
"""Of forms that differ in a number or a name alone, the last."""


async def filled(page: Page, number: int) -> Any:
    """Open a form, fill in what it requires, and return its button."""
    form = page.locator(FORMS).nth(number)
    await form.evaluate("form => { const part = form.closest('details'); if (part) part.open = true; }")
    for field in await form.locator("input[required]").all():
        await field.fill("a <b>reason</b>")
    return form.locator("button")


async def test_the_token_lets_a_browser_in_where_it_wanted_to_go(browser: Browser, view: Served) -> None:
    """The door's own form is taken, and leads on."""
    page = await browser.new_page()
    await page.goto(f"{view.origin}/runs?show=failed")
    await page.locator("#token").fill(TOKEN)
    async with page.expect_navigation():
        await page.locator("button").click()
    assert page.url == f"{view.origin}/runs?show=failed"
    assert await page.locator("nav.main").is_visible()


@pytest.mark.parametrize("name", SCREENS)
async def test_each_form_acts_once_however_often_it_is_clicked(
    browser: Browser, view: Served, shop: Stage, actions: Recorded, name: str
) -> None:
    """Every kind of form of a screen is taken as the browser sends it; a doubled click performs one command."""
    async with entered(browser, view) as (context, wrong):
        statuses: list[int] = []

        def answered(response: Response) -> None:
            if response.request.method == "POST":
                statuses.append(response.status)

        context.on("response", answered)
        page = await context.new_page()
        await page.goto(view.origin + addresses(shop)[name])
        kinds = await page.evaluate(KINDS)
        for number in kinds:
            button = await filled(page, number)
            async with page.expect_response(lambda answer: answer.request.method == "POST"):
                await button.dblclick(no_wait_after=True)
            await page.wait_for_load_state()
            # A page of its own for each form; a driver may wait for ever for the end of one that goes somewhere
            page = await context.new_page()
            await page.goto(view.origin + addresses(shop)[name])
        assert len(actions.asked) == len(kinds) > 0
        assert set(statuses) == {303}
    # a page of the run that the recorded command names, if it is not there
    assert [line for line in wrong if "404" not in line] == []


async def test_the_way_back_does_nothing_twice_and_says_so(
    browser: Browser, view: Served, shop: Stage, actions: Recorded
) -> None:
    """Pressed again on a page of history, a form asks first; what was refused may be pressed again at once."""
    now = [0.0]
    view.access.clock = lambda: now[0]
    async with entered(browser, view) as (context, _):
        page = await context.new_page()
        path = f"{view.origin}{addresses(shop)['page-failing']}"
        await page.goto(path)
        mark = await page.locator(f"{FORMS} input[name=mark]").first.get_attribute("value")
        button = await filled(page, 0)
        async with page.expect_navigation():
            await button.click()
        assert len(actions.asked) == 1
        now[0] = 60.0
        await page.goto(path)
        await page.evaluate(
            "mark => document.querySelectorAll('input[name=mark]').forEach(field => { field.value = mark })", mark
        )  # as a browser shows a page that it kept
        async with page.expect_navigation():
            await (await filled(page, 0)).click()
        assert await page.locator("h1").inner_text() == "This was done already"
        assert len(actions.asked) == 1
        async with page.expect_navigation():
            await page.get_by_role("button", name="Do it once more").click()
        assert len(actions.asked) == 2
        assert actions.asked[0] == actions.asked[1]


async def test_a_session_that_is_over_asks_for_the_token_and_leads_back(
    browser: Browser, view: Served, shop: Stage, actions: Recorded
) -> None:
    """A form that is sent without the cookie does nothing; the token leads to the screen that it stood on."""
    async with entered(browser, view) as (context, _):
        page = await context.new_page()
        path = f"{view.origin}{addresses(shop)['page-failing']}?view=side"
        await page.goto(path)
        await context.clear_cookies()
        async with page.expect_navigation():
            await (await filled(page, 0)).click()
        assert actions.asked == []
        await page.locator("#token").fill(TOKEN)
        async with page.expect_navigation():
            await page.locator("button").click()
        assert page.url == path
        async with entered(browser, view) as (other, _):  # a second browser, whose forms are its own
            there = await other.new_page()
            await there.goto(path)
            for each in (page, there):
                async with each.expect_navigation():
                    await (await filled(each, 0)).click()
        assert len(actions.asked) == 2
