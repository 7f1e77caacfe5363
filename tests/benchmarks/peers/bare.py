"""A bare Playwright loop: the least that can be done with a page. Runs under the peers' own interpreter.

Reads a job as JSON from standard input (``benchmarks.rules.job``, with ``urls``, ``mode`` and ``in_flight``) and prints
``{"pages", "seconds", "characters", "steady"}``; ``steady.py`` says what the last is.
``mode`` is ``reuse`` (one page per worker for all its visits: the limit) or ``context`` (a fresh context per visit).
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from playwright.async_api import Browser, Page, async_playwright
from steady import Steady


async def visit(page: Page, url: str, job: dict[str, Any], steady: Steady) -> int:
    """Load ``url``, then wait and read it with the shared script; returns how many characters it shows."""
    await page.goto(url, wait_until="load")
    text = (await page.evaluate(job["script"], job["question"]))["text"]
    steady.ended()
    return len(text)


async def reuse(browser: Browser, urls: Iterator[str], job: dict[str, Any], steady: Steady) -> list[int]:
    """One worker: a context and a page of its own, used for every visit."""
    context = await browser.new_context()
    page = await context.new_page()
    return [await visit(page, url, job, steady) for url in urls]


async def fresh(browser: Browser, urls: Iterator[str], job: dict[str, Any], steady: Steady) -> list[int]:
    """One worker: a fresh context and page for each visit."""
    sizes = []
    for url in urls:
        context = await browser.new_context()
        sizes.append(await visit(await context.new_page(), url, job, steady))
        await context.close()
    return sizes


async def main() -> None:
    """Crawl the job's pages with its number of workers, which share one iterator of URLs."""
    job = json.load(sys.stdin)
    started = time.monotonic()
    worker = {"reuse": reuse, "context": fresh}[job["mode"]]
    urls, steady = iter(job["urls"]), Steady(job["in_flight"], len(job["urls"]))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=job["executable"],
            args=job["args"],
            ignore_default_args=job["left_out"],
            chromium_sandbox=job["sandbox"],
        )
        shares = await asyncio.gather(*(worker(browser, urls, job, steady) for _ in range(job["in_flight"])))
        seconds = time.monotonic() - started
        await browser.close()
    sizes = [size for share in shares for size in share]
    found = {"pages": len(sizes), "seconds": seconds, "characters": sum(sizes)}
    print(json.dumps(found | {"steady": steady.found()}))


asyncio.run(main())
