"""Crawlee for Python's PlaywrightCrawler on the same job as ``bare.py``, which says what comes in and goes out.

Everything that would only slow it down is off: storage is in memory, no fingerprints are made up, nothing is retried.
"""

import asyncio
import json
import sys
import time
from datetime import timedelta

from crawlee import ConcurrencySettings
from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext
from crawlee.storage_clients import MemoryStorageClient
from steady import Steady


async def main() -> None:
    """Crawl the job's pages, exactly ``in_flight`` at once."""
    job = json.load(sys.stdin)
    started = time.monotonic()
    sizes: list[int] = []
    flight = job["in_flight"]
    steady = Steady(flight, len(job["urls"]))
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
        steady.ended()

    await crawler.run(job["urls"])
    seconds = time.monotonic() - started
    found = {"pages": len(sizes), "seconds": seconds, "characters": sum(sizes)}
    print(json.dumps(found | {"steady": steady.found()}))


asyncio.run(main())
