"""Scrapy with scrapy-playwright on the same job as ``bare.py``, which says what comes in and goes out.

Everything that would only slow it down is off: robots.txt, retries, cookies, telnet, logs, headers made up for the
browser's requests. It opens a page for each request, in one context; it has no way to use a page again.
"""

import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response

JOB = json.load(sys.stdin)
SIZES: list[int] = []


class Pages(scrapy.Spider):
    """Visits each page of the job and reads it with the shared script."""

    name = "pages"

    async def start(self) -> AsyncIterator[Any]:
        """Ask for every page."""
        meta = {
            "playwright": True,
            "playwright_include_page": True,
            "playwright_page_goto_kwargs": {"wait_until": "load"},
        }
        for url in JOB["urls"]:
            yield scrapy.Request(url, meta=meta, dont_filter=True, errback=self.failed)

    async def parse(self, response: Response) -> None:
        """Read the page and close it."""
        page = response.meta["playwright_page"]
        SIZES.append(len((await page.evaluate(JOB["script"], JOB["question"]))["text"]))
        await page.close()

    def failed(self, failure: Any) -> None:
        """Say why a page was not visited: the bench then finds too few."""
        print(failure.getErrorMessage(), file=sys.stderr)


def main() -> None:
    """Crawl the job's pages, exactly ``in_flight`` at once."""
    started = time.monotonic()
    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    process = CrawlerProcess(
        {
            "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
            "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
            "PLAYWRIGHT_BROWSER_TYPE": "chromium",
            "PLAYWRIGHT_LAUNCH_OPTIONS": {
                "executable_path": JOB["executable"],
                "args": JOB["args"],
                "ignore_default_args": JOB["left_out"],
                "chromium_sandbox": JOB["sandbox"],
                "headless": True,
            },
            "PLAYWRIGHT_PROCESS_REQUEST_HEADERS": None,
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": JOB["in_flight"],
            "CONCURRENT_REQUESTS": JOB["in_flight"],
            "CONCURRENT_REQUESTS_PER_DOMAIN": JOB["in_flight"],
            "DOWNLOAD_DELAY": 0,
            "ROBOTSTXT_OBEY": False,
            "RETRY_ENABLED": False,
            "COOKIES_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "LOG_ENABLED": False,
        }
    )
    process.crawl(Pages)
    process.start()
    print(json.dumps({"pages": len(SIZES), "seconds": time.monotonic() - started, "characters": sum(SIZES)}))


main()
