"""A real Chromium that came into the view, and what it and axe-core complain of."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from support.web_view import Served
from tools.shell import ROOT

VENDORED = ROOT / "tests/web/vendored"


@asynccontextmanager
async def entered(browser: Browser, view: Served, **options: Any) -> AsyncIterator[tuple[BrowserContext, list[str]]]:
    """Yield a context that came in by the link, and everything that it complained of."""
    context = await browser.new_context(**options)
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            wrong.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith(view.origin + "/"):
            wrong.append(f"request: {request.url}")

    context.on("console", heard)
    context.on("request", asked)
    context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
    context.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page = await context.new_page()
    await page.goto(view.origin + view.access.one_time_link())
    await page.close()
    try:
        yield context, wrong
    finally:
        async with asyncio.timeout(30):  # the driver itself may wait for ever for a page that goes somewhere
            await context.close()


async def violations(page: Page, rules: tuple[str, ...]) -> list[str]:
    """Return what axe-core finds. It runs outside of the page's own world, which its policy closes."""
    session = await page.context.new_cdp_session(page)
    frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
    world = await session.send("Page.createIsolatedWorld", {"frameId": frame})
    where = {"contextId": world["executionContextId"]}
    axe = (VENDORED / "axe.min.js").read_text()
    await session.send("Runtime.evaluate", {"expression": f"{axe}; 0", **where})
    only = f"runOnly: {json.dumps(rules)}, " if rules else ""
    call = f"axe.run(document, {{{only}resultTypes: ['violations']}}).then(r => JSON.stringify(r.violations))"
    found = await session.send("Runtime.evaluate", {"expression": call, "awaitPromise": True, **where})
    assert "value" in found["result"], found
    await session.detach()
    return [
        f"{item['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for item in json.loads(found["result"]["value"])
        for node in item["nodes"]
    ]
