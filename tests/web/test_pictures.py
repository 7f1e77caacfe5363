"""A page that a real crawl found changed, in a real Chromium: its crops, and the two pictures in each way."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml
from playwright.async_api import Browser

from support.web_browser import entered, violations
from support.web_view import Recorded, served
from trapline_common.ledger.connection import Database

from .test_browser import LOOKS, PICTURES, RULES

PAGE = """<!doctype html><title>Kettle</title><style>body {{ margin: 0; font: 20px sans-serif; background: white }}
#price {{ position: absolute; left: 60px; top: 900px; width: 200px; height: 40px; background: {colour} }}
#banner {{ height: {banner}px; background: rgb(20, 90, 160) }} p {{ margin: 0; padding: 8px }}</style>
<div id=banner></div>{lines}<div id=price></div>"""
LINES = "".join(f"<p>line {number} of a page that is longer than its window" for number in range(40))


class Shop:
    """A page whose looks a test changes between two crawls; its text stays."""

    def __init__(self) -> None:
        self.colour, self.banner = "rgb(200, 40, 40)", 0
        self.url = ""

    @contextmanager
    def open(self) -> Iterator["Shop"]:
        """Serve it on loopback."""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = PAGE.format(colour=shop.colour, banner=shop.banner, lines=LINES).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}/kettle"
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown()


async def crawl(file: Path, dsn: str, data: Path) -> None:
    """Run the command itself."""
    command = [sys.executable, "-m", "trapline", "crawl", str(file), "--data-dir", str(data)]
    environ = {**os.environ, "DATABASE_URL": dsn, "TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8"}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=-1, stderr=-2)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


async def test_what_changed_in_a_picture_is_seen(browser: Browser, dsn: str, tmp_path: Path, actions: Recorded) -> None:
    """Crops of both regions, marks on the whole, slider, onion, difference and side by side; a line to paste."""
    file = tmp_path / "crawls.yaml"
    with Shop().open() as shop:
        settings = {"urls": [shop.url], "screenshot": "full_page", "visual": {"min_change": "100 pixels"}}
        file.write_text(yaml.safe_dump({"crawls": {"shop": settings}}))
        await crawl(file, dsn, tmp_path)
        shop.colour, shop.banner = "rgb(40, 160, 60)", 48
        await crawl(file, dsn, tmp_path)
    async with await Database.connect(dsn) as database:
        number = await database.connection.fetchval("SELECT id FROM trapline.page")
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with served(dsn, tmp_path / "artifacts", actions=actions) as view:
        for look, (width, scheme) in LOOKS.items():
            options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
            async with entered(browser, view, **options) as (context, wrong):
                page = await context.new_page()
                await page.goto(f"{view.origin}/pages/{number}")
                assert await page.locator(".crop").count() == 2
                for image in await page.locator(".crop svg image").all():  # each is there, and cut to its region
                    box = await image.evaluate("e => [e.getBBox().width, e.ownerSVGElement.viewBox.baseVal.height]")
                    assert box[0] == 1280
                    assert box[1] < 300
                assert await page.locator("#stage .b .regions rect, #stage .b svg rect").count() == 2
                for mode in ("slide", "onion", "diff", "side"):
                    await page.locator(f".ctl button[value={mode}]").click()
                    assert await page.locator("#stage").get_attribute("data-mode") == mode
                    for name in ("a", "b"):
                        image = page.locator(f"#stage .{name} img")
                        assert await image.evaluate("e => e.decode().then(() => e.naturalHeight)") > 1_000
                    shown = await page.locator("#stage .b img").is_visible()
                    assert shown
                await page.locator(".ctl button[value=slide]").click()
                assert "The text is the same" in await page.locator("h2#d").inner_text()
                ends = [await page.locator(f"#stage .{each}").bounding_box() for each in ("a", "b")]
                below = await page.locator("#pic >> xpath=ancestor::section >> .note").last.bounding_box()
                assert below is not None
                assert all(end is not None and end["y"] + end["height"] <= below["y"] for end in ends)
                before = await page.locator("#stage .b a").evaluate("e => getComputedStyle(e).clipPath")
                await page.locator("#slide").focus()
                await page.keyboard.press("ArrowRight")
                assert await page.locator("#stage .b a").evaluate("e => getComputedStyle(e).clipPath") != before
                pasted = await page.locator("details:has(summary:text-is('Ignore a region')) pre").text_content()
                assert yaml.safe_load(str(pasted)) == {"visual": {"ignore": ["SELECTOR", "SELECTOR"]}}
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert await violations(page, RULES[look]) == []
                await page.screenshot(path=PICTURES / f"pictures-{look}.png", full_page=True)
                assert wrong == []
