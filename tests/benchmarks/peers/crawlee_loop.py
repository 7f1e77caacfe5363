"""Crawlee for Python's PlaywrightCrawler on the same job as ``bare.py``, which says what comes in and goes out.

Everything that would only slow it down is off: storage is in memory, no fingerprints are made up, nothing is retried.
``steady`` of what comes out is of the pages after the first ``in_flight``: their number, and seconds of wall time and
of the processor for the whole process tree.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import timedelta

import psutil
from crawlee import ConcurrencySettings
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext
from crawlee.storage_clients import MemoryStorageClient


def used() -> float:
    """Return the processor's seconds of this process and its descendants, and of those that they waited for."""
    total = 0.0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


async def main() -> None:
    """Crawl the job's pages, exactly ``in_flight`` at once."""
    job = json.load(sys.stdin)
    started = time.monotonic()
    sizes: list[int] = []
    flight, steady_since = job["in_flight"], [started, used()]
    steady_until = list(steady_since)
    crawler = PlaywrightCrawler(
        browser_type="chromium",
        headless=True,
        browser_launch_options={
            "executable_path": job["executable"],
            "args": job["args"],
            "ignore_default_args": job["left_out"],
            "chromium_sandbox": job["sandbox"],
        },
        fingerprint_generator=None,
        goto_options={"wait_until": "load"},
        use_incognito_pages=job["mode"] == "context",
        concurrency_settings=ConcurrencySettings(
            min_concurrency=flight, desired_concurrency=flight, max_concurrency=flight
        ),
        storage_client=MemoryStorageClient(),
        max_request_retries=0,
        configure_logging=False,
        statistics_log_format="inline",
        request_handler_timeout=timedelta(seconds=60),
    )

    @crawler.router.default_handler
    async def handle(context: PlaywrightCrawlingContext) -> None:
        sizes.append(len((await context.page.evaluate(job["script"], job["question"]))["text"]))
        if len(sizes) == flight:
            steady_since[:] = time.monotonic(), used()
        elif len(sizes) == len(job["urls"]):
            steady_until[:] = time.monotonic(), used()

    await crawler.run(job["urls"])
    seconds = time.monotonic() - started
    steady = {"pages": len(sizes) - flight} | {
        name: until - since for name, since, until in zip(("seconds", "cpu"), steady_since, steady_until, strict=True)
    }
    print(json.dumps({"pages": len(sizes), "seconds": seconds, "characters": sum(sizes), "steady": steady}))


asyncio.run(main())
