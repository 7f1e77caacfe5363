"""How many bytes a visit received, by the browser's own protocol (``Network.loadingFinished``), as the driver keeps it.

The load asks only where the page's own timings hide something (other origins, frames): it costs two questions for each
request, a tenth of a plain page's time. The proxy's count is no help: it knows connections and no pages.
"""

import asyncio

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, Request


async def transfer_size(page: Page, url: str, within: float) -> int | None:
    """Return bytes of heads and bodies over the wire since ``url`` was asked for.

    The driver remembers 100 requests of a page: of a visit with more the size is too small, and its cap holds anyway.
    ``None`` when the driver does not answer ``within`` so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            answered = [request for request in _since(await page.requests(), page, url) if request.existing_response]
            return sum(await asyncio.gather(*(_size(request) for request in answered)))
    except (TimeoutError, PlaywrightError):
        return None


def _since(requests: list[Request], page: Page, url: str) -> list[Request]:
    """Return the requests of this visit: a page that is used again remembers those of earlier visits too."""
    for at in range(len(requests) - 1, -1, -1):
        one = requests[at]
        if (
            one.is_navigation_request()
            and one.url == url
            and one.redirected_from is None
            and one.frame == page.main_frame
        ):
            return requests[at:]
    return requests


async def _size(request: Request) -> int:
    try:
        sizes = await request.sizes()
    except PlaywrightError:
        return 0  # it failed on its way
    return max(0, sizes["responseHeadersSize"]) + max(0, sizes["responseBodySize"])
