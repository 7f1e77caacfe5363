"""Tabs that stay open: two of them, a view that is started again under one, pictures that can't be fetched."""

import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Error, Locator, Page
from playwright.async_api import TimeoutError as TooLate

from support.ledger import complete, one_ready, open_run, urls, value
from support.web_browser import entered
from support.web_stage import Stage, addresses
from support.web_view import TOKEN, Recorded, Served, served
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database
from trapline_machine.remote_view import fetch_artifact
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Outcome
from trapline_web.subprocess_actions import SubprocessActions

LATER = "l" * 40
"""The token after ``web.token`` was deleted."""


async def seen_after_looks(page: Page, part: Locator, *, apart: int = 16_000, looks: int = 30) -> None:
    """Let a screen that moves look again, each time as if ``apart`` milliseconds had passed, until a part is there."""
    for _ in range(looks):
        await page.clock.fast_forward(apart)
        try:
            await part.wait_for(timeout=60_000 / looks)
        except TooLate:
            continue
        return
    raise AssertionError(f"{part} was not seen after {looks} looks")


async def pause(page: Page) -> None:
    """Let a page's clock stand still."""
    for ahead in (0.5, 1.0, 2.0):  # a busy browser hears of a moment when it is over, and refuses it
        try:
            await page.clock.pause_at(await page.evaluate(f"Date.now() / 1000 + {ahead}"))
        except Error:
            continue
        return
    raise AssertionError("the browser was too busy to stop its clock")


async def test_what_one_tab_did_the_other_one_is_told(browser: Browser, dsn: str, shop: Stage, tmp_path: Path) -> None:
    """Two tabs ask whether to cancel a run; the second one's form is its own, is taken, and says what had happened."""
    async with await Database.connect(dsn) as database:
        number = await open_run(database, urls(3))
        real = SubprocessActions(data_dir=tmp_path, database_url=dsn, environ={"PATH": ""})
        async with served(dsn, shop.artifacts, actions=real) as view, entered(browser, view) as (context, _):
            tabs = [await context.new_page(), await context.new_page()]
            for tab in tabs:
                await tab.goto(f"{view.origin}/runs/{number}/cancel")
            for tab in tabs:
                async with tab.expect_navigation(timeout=120_000):
                    await tab.get_by_role("button", name="Cancel run").click(no_wait_after=True)
            assert "cancelled" in await tabs[0].locator("h1").inner_text()
            assert await tabs[1].locator("h1").inner_text() == "It was not done"
            assert "has ended already" in await tabs[1].locator("main").inner_text()
        assert await value(database, "SELECT count(*) FROM trapline.run") == 1
        assert await value(database, "SELECT outcome::text FROM trapline.run") == "cancelled"


async def test_a_form_outlives_a_restart_and_opens_no_second_run(shop: Stage, actions: Recorded) -> None:
    """Sent before and after it, a form gives the same order, for which the ledger opens one run."""
    async with served(shop.dsn, shop.artifacts, actions=actions) as view:
        marks = [view.access.form_mark(), view.access.form_mark()]
        assert (await view.post("/crawls/products/run", {"mark": marks[0]})).status == 303
        assert (await view.post("/runs/1/retry", {"mark": marks[1]})).status == 303
    async with served(shop.dsn, shop.artifacts, actions=actions, port=view.port) as again:
        assert (await again.post("/crawls/products/run", {"mark": marks[0]})).status == 303
        assert (await again.post("/runs/1/retry", {"mark": marks[1]})).status == 303
        assert (await again.post("/crawls/products/run", {"mark": again.access.form_mark()})).status == 303
    run, retry, run_again, retry_again, other = (asked[asked.index("--request") + 1] for asked in actions.asked)
    assert (run, retry) == (run_again, retry_again)
    assert len({run, retry, other}) == 3


@pytest.mark.parametrize("token", [TOKEN, LATER])
async def test_a_form_of_before_a_restart_acts_only_for_who_is_still_let_in(
    browser: Browser, shop: Stage, actions: Recorded, token: str
) -> None:
    """With the token that was kept it acts; with a new one the tab is shown the door, and comes back to its screen."""
    path = addresses(shop)["page-failing"]
    async with AsyncExitStack() as stack:
        first = AsyncExitStack()
        view = await first.enter_async_context(served(shop.dsn, shop.artifacts, actions=actions))
        context, _ = await stack.enter_async_context(entered(browser, view))
        page = await context.new_page()
        await page.goto(view.origin + path)
        await first.aclose()
        later = partial(served, shop.dsn, shop.artifacts, actions=actions, port=view.port)
        await stack.enter_async_context(later(token=token))
        async with page.expect_navigation():
            await page.get_by_role("button", name="Visit now").click(no_wait_after=True)
        assert len(actions.asked) == (token == TOKEN)
        if token == LATER:
            await page.locator("#token").fill(LATER)
            async with page.expect_navigation():
                await page.get_by_role("button", name="Enter").click(no_wait_after=True)
            assert page.url == view.origin + path
            async with page.expect_navigation():
                await page.get_by_role("button", name="Visit now").click(no_wait_after=True)
            assert len(actions.asked) == 1


async def test_a_screen_that_moves_goes_on_after_a_restart(browser: Browser, dsn: str, shop: Stage) -> None:
    """While the view, or its ledger, is away, the tab says so; then it moves again, without a reload."""
    away = True

    async def connect() -> Database:
        if away:
            raise LedgerUnavailableError("the ledger is being started")
        return await Database.connect(dsn)

    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(await Database.connect(dsn))
        number = await open_run(database, urls(2), crawl=CrawlConfig(name="docs", urls=tuple(urls(2))))
        share = await tasks.lease_share(database, await one_ready(database), share=2, another=False)
        first = AsyncExitStack()
        view = await first.enter_async_context(served(dsn, shop.artifacts))
        context, _ = await stack.enter_async_context(entered(browser, view))
        page = await context.new_page()
        await page.clock.install()
        await page.goto(f"{view.origin}/runs/{number}")
        await page.evaluate("window.stays = true")
        began = await page.locator("footer time").get_attribute("datetime")
        told = page.locator("#stale")
        await first.aclose()
        await seen_after_looks(page, told.filter(has_text="The view does not answer now"))
        assert "0 of 2 done" in await page.locator("h1").inner_text()
        await stack.enter_async_context(served(dsn, shop.artifacts, port=view.port, connect=connect))
        await seen_after_looks(page, told.filter(has_text="The view, or its ledger, does not answer now"))
        await tasks.start(database, share[0].lease)
        await complete(database, share[0])
        away = False
        await seen_after_looks(page, page.locator("h1", has_text="1 of 2 done"))
        assert await told.count() == 0
        assert await page.locator("footer time").get_attribute("datetime") != began
        assert await page.evaluate("window.stays") is True
        # and it is as quick as before: what was waited for while nobody answered is forgotten
        await tasks.start(database, share[1].lease)
        await complete(database, share[1])
        await pause(page)
        await seen_after_looks(page, page.locator("h1", has_text="2 of 2 done"), apart=2_100, looks=2)


async def test_a_screen_that_is_let_in_no_more_says_what_to_do(browser: Browser, shop: Stage) -> None:
    """After a restart with a new token it stops asking; when it is looked at again after entering, it goes on."""
    async with AsyncExitStack() as stack:
        first = AsyncExitStack()
        view = await first.enter_async_context(served(shop.dsn, shop.artifacts))
        context, _ = await stack.enter_async_context(entered(browser, view))
        page = await context.new_page()
        await page.clock.install()
        await page.goto(view.origin + addresses(shop)["run-open"])
        await first.aclose()
        again = await stack.enter_async_context(served(shop.dsn, shop.artifacts, port=view.port, token=LATER))
        told = page.locator("#stale")
        await seen_after_looks(page, told.filter(has_text="no longer let in"))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.fast_forward(120_000)
        await page.evaluate("0")
        assert asked == []
        other = await context.new_page()
        await other.goto(view.origin + again.access.one_time_link())
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await told.wait_for(state="detached", timeout=60_000)


async def test_a_run_that_was_deleted_is_said_and_asked_for_no_more(
    browser: Browser, view: Served, shop: Stage
) -> None:
    """Retention may take a run that somebody looks at."""
    async with entered(browser, view) as (context, _):
        page = await context.new_page()
        await page.clock.install()
        path = addresses(shop)["run-open"]
        await page.goto(view.origin + path)
        gone = await view.get("/runs/999")
        await page.route(f"**{path}", lambda route: route.fulfill(status=gone.status, body=gone.text))
        await seen_after_looks(page, page.locator("#stale", has_text="it was deleted"))


class Store:
    """A store of pictures whose addresses expire, as S3's do, and who signs them."""

    def __init__(self, artifacts: Path) -> None:
        self.artifacts = artifacts
        self.lasting: list[float] = []
        """For how many seconds the next addresses are good; an hour when it is empty."""
        self.refused = 0
        """Requests that came too late."""
        self.origin = ""
        """Where it is."""

    async def sign(self, command: Sequence[str]) -> Outcome:
        """Answer `trapline artifact` as the reader function does."""
        lasting = self.lasting.pop(0) if self.lasting else 3_600
        address = f"{self.origin}/{command[-1]}?X-Amz-Signature=signed-secret&until={time.time() + lasting}"
        return Outcome(exit=0, out=json.dumps({"url": address}), err="")


@contextmanager
def store_of(artifacts: Path) -> Iterator[Store]:
    """Serve a store on loopback."""
    store = Store(artifacts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if float(parse_qs(asked.query)["until"][0]) < time.time():
                store.refused += 1
                self.send_error(403, "Request has expired")
                return
            data = (store.artifacts / asked.path.lstrip("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        store.origin = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def pictured(shop: Stage, store: Store) -> AsyncIterator[Served]:
    """Serve a view whose pictures come as a deployment's do."""

    async def named(_key: str) -> bool:
        return True

    async def fetch(key: str) -> bytes:
        return await fetch_artifact(store.sign, key)

    async with served(shop.dsn, shop.artifacts, pictures=NamedArtifacts(fetch=fetch, is_named=named)) as view:
        yield view


async def shown(page: Page) -> list[bool]:
    """Return of each of the two pictures, once it has come or not, whether it is there."""
    there = "image => image.decode().then(() => true, () => false)"
    return [await image.evaluate(there) for image in await page.locator(".stage img").all()]


async def test_a_picture_whose_address_expired_is_fetched_by_a_fresh_one(browser: Browser, shop: Stage) -> None:
    """One that was signed at the end of a session: nobody sees more than the picture."""
    with store_of(shop.artifacts) as store:
        async with pictured(shop, store) as view, entered(browser, view) as (context, wrong):
            page = await context.new_page()
            store.lasting = [-1.0]
            await page.goto(view.origin + addresses(shop)["page"])
            assert await shown(page) == [True, True]
            assert store.refused == 1
            assert await page.locator(".missing").count() == 0
            assert "signed-secret" not in await page.content()
        assert wrong == []


async def test_a_picture_that_can_not_be_fetched_is_said_and_opened_says_why(browser: Browser, shop: Stage) -> None:
    """Where a fresh address is refused too: in the picture's place on the page, with the reason behind its link."""
    with store_of(shop.artifacts) as store:
        async with pictured(shop, store) as view, entered(browser, view) as (context, wrong):
            page = await context.new_page()
            store.lasting = [-1.0] * 100
            await page.goto(view.origin + addresses(shop)["page-side"])
            await page.locator(".missing").nth(1).wait_for()
            assert re.match("This picture can't be shown now", await page.locator(".missing").first.inner_text())
            await page.get_by_role("button", name="Side by side").click()
            async with page.expect_navigation():
                await page.locator(".stage figure.b a").click(no_wait_after=True)
            text = await page.locator("main").inner_text()
            assert "S3 refuses the address that the reader function signed (403)" in text
            assert "signed-secret" not in text
            store.lasting.clear()
            await page.go_back()
            await page.reload()
            assert await shown(page) == [True, True]
        assert [line for line in wrong if "503" not in line] == []
