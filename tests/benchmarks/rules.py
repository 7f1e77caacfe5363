"""The rules for every contestant, taken from the product: browser, switches, waiting rule and reading script.

The peers run under another interpreter, so the rules travel as data in their job.
"""

import os
from typing import Any

from tools.workspace.browser import SETTING
from trapline_common.config.models import CrawlConfig
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.launch_options import LEFT_OUT, SWITCHES, sandbox_works_for
from trapline_crawler.visit.page_script import asked, reader

CRAWL = CrawlConfig(name="manual")
"""Nothing set: `settle` waits until the DOM was quiet for 150 ms, at most 3 s, and the visible text is read."""


def executable() -> str:
    """Return the browser that the crawler would launch. Raises ``BrowserMissingError``."""
    return find_browser(os.environ.get(SETTING)).executable


def job() -> dict[str, Any]:
    """Return what a peer needs: how to launch, and one script that waits and reads in a single round trip."""
    return {
        "executable": executable(),
        "args": list(SWITCHES),
        "left_out": list(LEFT_OUT),
        "sandbox": sandbox_works_for(os.geteuid()),
        "script": reader(),
        "question": asked(CRAWL, load_within=10, wait_within=None, settle_at_most=CRAWL.settle.at_most),
    }
