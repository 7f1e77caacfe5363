"""The requests that a page may make, and what goes to its own origin only: ``block``, ``headers`` and ``cookies``.

Chromium's own interception with narrow patterns, and only for a crawl that asks for it: requests that no pattern names
never reach the crawler, so they cost nothing. (Playwright's routing takes every request and turns off the HTTP cache;
and its header overrides follow a redirect to another origin.)
"""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig

_CDP_TYPES = {
    "image": "Image",
    "media": "Media",
    "font": "Font",
    "stylesheet": "Stylesheet",
    "script": "Script",
    "xhr": "XHR",
    "fetch": "Fetch",
    "websocket": "WebSocket",
    "other": "Other",
}
_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, the default one filled in: equal for equal origins."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


class OwnRequests:
    """In force in one page during one visit. Blocks by type; adds headers to requests of the page's own origin only.

    Chromium pauses at every hop of a redirect, so a header never reaches another origin.
    """

    def __init__(self, session: CDPSession, url: str, crawl: CrawlConfig) -> None:
        self._session = session
        self._origin = origin_of(url)
        self._headers = crawl.headers
        self._blocked = {_CDP_TYPES[kind] for kind in crawl.block}
        self._answers: set[asyncio.Task[None]] = set()

    @staticmethod
    async def open(page: Page, url: str, crawl: CrawlConfig) -> "OwnRequests | None":
        """Set the rules up, if the crawl asks for any of it."""
        if not (crawl.block or crawl.headers or crawl.cookies):
            return None
        session = await page.context.new_cdp_session(page)
        rules = OwnRequests(session, url, crawl)
        await rules._set_cookies(url, crawl)
        scheme, host, port = rules._origin
        shown_host = f"[{host}]" if ":" in host else host
        shown_port = "" if port == _PORTS.get(scheme) else f":{port}"
        patterns: list[dict[str, str]] = [{"urlPattern": "*", "resourceType": kind} for kind in sorted(rules._blocked)]
        if crawl.headers:
            patterns.append({"urlPattern": f"{scheme}://{shown_host}{shown_port}/*"})
        if patterns:
            session.on("Fetch.requestPaused", rules._paused)
            await session.send("Fetch.enable", {"patterns": patterns})
        return rules

    async def close(self) -> None:
        """Take the rules out of a page that is used again."""
        await self._session.detach()

    async def _set_cookies(self, url: str, crawl: CrawlConfig) -> None:
        """Bind each cookie to scheme, host and port: a cookie of the usual kind goes to every port of its host."""
        scheme, _, port = self._origin
        for cookie in crawl.cookies:
            secure = scheme == "https"
            kind = {"secure": secure, "sourceScheme": "Secure" if secure else "NonSecure", "sourcePort": port}
            await self._session.send(
                "Network.setCookie",
                {"name": cookie.name, "value": cookie.value, "url": url, "path": cookie.path, **kind},
            )

    def _paused(self, event: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._answer(event))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, event: dict[str, Any]) -> None:
        request, paused = event["request"], {"requestId": event["requestId"]}
        with suppress(PlaywrightError):  # the page went away meanwhile, and its request with it
            if event["resourceType"] in self._blocked:
                await self._session.send("Fetch.failRequest", {**paused, "errorReason": "BlockedByClient"})
            elif self._headers and origin_of(request["url"]) == self._origin:
                given = {name.lower() for name in self._headers}
                headers = {n: v for n, v in request["headers"].items() if n.lower() not in given} | self._headers
                pairs = [{"name": name, "value": value} for name, value in headers.items()]
                await self._session.send("Fetch.continueRequest", {**paused, "headers": pairs})
            else:
                await self._session.send("Fetch.continueRequest", paused)
