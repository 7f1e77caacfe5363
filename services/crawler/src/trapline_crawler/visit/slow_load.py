"""Watches a load that takes long: its size, and whether the main document broke off (no ``load`` follows then)."""

import asyncio
from contextlib import suppress
from typing import Any

from playwright.async_api import CDPSession, Page, Request
from playwright.async_api import Error as PlaywrightError

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.failures import network_failure
from trapline_crawler.visit.header_values import whole_number


class SlowLoad:
    """Resolves ``failure`` as soon as one is certain.

    Bytes count from the moment the renderer was asked to report them; what came before is missing. The proxy's own
    bound holds all the same.
    """

    def __init__(self, page: Page, *, size: int) -> None:
        self.failure: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        self._page = page
        self._size = size
        self._bytes = 0
        self._session: CDPSession | None = None
        # A busy renderer takes seconds to answer, so the load does not wait for this.
        self._beginning = asyncio.ensure_future(self._begin())

    async def end(self, seconds: float) -> bool:
        """Stop watching; return whether the page is as it was before, so that it can be used again."""
        self._beginning.cancel()
        if self._session is None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._session.detach()
        except (TimeoutError, PlaywrightError):
            return False
        return True

    async def _begin(self) -> None:
        with suppress(PlaywrightError):  # the page is gone: the load itself raises that
            await self._look_back()
            session = self._session = await self._page.context.new_cdp_session(self._page)
            session.on("Network.dataReceived", self._received)
            session.on("Network.loadingFailed", self._broke_off)
            await session.send("Network.enable")
            await self._look_back()

    async def _look_back(self) -> None:
        """Judge what the driver remembers of the main document: how it failed, and its Content-Length."""
        request = await last_navigation(self._page)
        if request is None:
            return
        if request.failure:
            self._decide(network_failure(request.failure))
        elif response := request.existing_response:
            length = whole_number(response.headers.get("content-length", ""))
            if length is not None and length > self._size:
                self._too_large(f"{length} bytes")

    def _received(self, event: dict[str, Any]) -> None:
        # A compressed body of 1 MB may unpack to 100, and either is too large.
        self._bytes += max(int(event["encodedDataLength"]), int(event["dataLength"]))
        if self._bytes > self._size:
            self._too_large(f"more than {self._size} bytes")

    def _broke_off(self, event: dict[str, Any]) -> None:
        # Frames have documents too: only the driver knows which one is the page's own.
        if event["type"] == "Document" and self._beginning.done():
            self._beginning = asyncio.ensure_future(self._look_back_quietly())

    async def _look_back_quietly(self) -> None:
        with suppress(PlaywrightError):
            await self._look_back()

    def _too_large(self, detail: str) -> None:
        self._decide(Failure(reason=Reason.TOO_LARGE, detail=detail, retry=False))

    def _decide(self, failure: Failure | None) -> None:
        if failure is not None and not self.failure.done():
            self.failure.set_result(failure)


async def last_navigation(page: Page) -> Request | None:
    """Return the main document's last request, as the driver remembers it; it need not have been answered."""
    frame = page.main_frame
    return next((r for r in reversed(await page.requests()) if r.is_navigation_request() and r.frame == frame), None)
