"""Watches a load that takes long, for a main document that broke off or that says it is too large.

No ``load`` follows a document that broke off. What the page really receives is the tab meter's to count.
"""

import asyncio
from contextlib import suppress

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.failures import network_failure
from trapline_crawler.visit.header_values import whole_number


class SlowLoad:
    """Resolves ``failure`` as soon as one is certain."""

    def __init__(self, page: Page, *, size: int) -> None:
        self.failure: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        self._page = page
        self._size = size
        page.on("requestfailed", self._failed)
        self._looking = asyncio.ensure_future(self._look_back())

    def end(self) -> None:
        """Stop watching."""
        self._looking.cancel()
        self._page.remove_listener("requestfailed", self._failed)

    async def _look_back(self) -> None:
        """Judge what the driver remembers of the main document: how it failed, and its Content-Length."""
        with suppress(PlaywrightError):  # the page is gone: the load itself raises that
            request = await last_navigation(self._page)
            if request is None:
                return
            if request.failure:
                self._decide(network_failure(request.failure))
            elif response := request.existing_response:
                length = whole_number(response.headers.get("content-length", ""))
                if length is not None and length > self._size:
                    self._decide(Failure(reason=Reason.TOO_LARGE, detail=f"{length} bytes", retry=False))

    def _failed(self, request: Request) -> None:
        # Frames have documents too. A request that a newer one of the main frame took over from has failed as well;
        # only the driver knows which is the last.
        if request.is_navigation_request() and self._looking.done():
            self._looking = asyncio.ensure_future(self._look_back())

    def _decide(self, failure: Failure | None) -> None:
        if failure is not None and not self.failure.done():
            self.failure.set_result(failure)


async def last_navigation(page: Page) -> Request | None:
    """Return the main document's last request, as the driver remembers it; it need not have been answered."""
    frame = page.main_frame
    return next((r for r in reversed(await page.requests()) if r.is_navigation_request() and r.frame == frame), None)
