"""The requests that a page may make, and what goes to its own origin only: ``block``, ``headers`` and ``cookies``.

Chromium's own interception with narrow patterns, and only for a crawl that asks for it: requests that no pattern names
never reach the crawler, so they cost nothing. (Playwright's routing takes every request and turns off the HTTP cache;
and its header overrides follow a redirect to another origin.)

A header goes to the page's own origin, on requests that a document of this origin makes: a frame of another origin, a
redirect that came through one, or a page that the browser was led to could else use it there. Who makes a request is
judged by what the browser tells, never by the page: its Referer, which no page can set to another's; and where a page
lets the browser send none, by the documents that were asked for, each of which the browser pauses at before it goes.
Workers, WebSockets and windows get none: they are no part of the page's own interception.
"""

import asyncio
from contextlib import suppress
from typing import Any

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.config.urls import origin_of, origin_text
from trapline_crawler.visit.resolved_secrets import Resolved

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
_BLANK = frozenset({"", "about:blank"})
_Origin = tuple[str, str, int | None]


class OwnRequests:
    """In force in one page during one visit. Blocks by type; adds headers to requests of the page's own origin only.

    Chromium pauses at every hop of a redirect, so a header never reaches another origin.
    """

    def __init__(self, session: CDPSession, url: str, resolved: Resolved, *, main_frame: str, at: str) -> None:
        self._session = session
        self._origin = origin_of(url)
        self._headers = resolved.headers
        self._blocked = {_CDP_TYPES[kind] for kind in resolved.crawl.block}
        self._answers: set[asyncio.Task[None]] = set()
        self._main_frame = main_frame
        self._announced = False  # whether the crawler itself is about to load a page of the own origin
        self._given: set[str] = set()  # requests that got the headers; the next hop of one may get them too
        self._documents: dict[str, set[_Origin]] = {}  # origins that were asked for documents, by frame
        if at not in _BLANK:
            self._documents[main_frame] = {origin_of(at)}

    @staticmethod
    async def open(page: Page, url: str, resolved: Resolved) -> "OwnRequests | None":
        """Set the rules up, if the crawl asks for any of it."""
        if not (resolved.crawl.block or resolved.headers or resolved.cookies):
            return None
        session = await page.context.new_cdp_session(page)
        frame = ""
        if resolved.headers:
            frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        rules = OwnRequests(session, url, resolved, main_frame=frame, at=page.url)
        await rules._set_cookies(url, resolved)
        patterns: list[dict[str, str]] = [{"urlPattern": "*", "resourceType": kind} for kind in sorted(rules._blocked)]
        if resolved.headers:
            patterns.append({"urlPattern": f"{origin_text(url)}/*"})
            patterns.append({"urlPattern": "*", "resourceType": "Document"})
        if patterns:
            session.on("Fetch.requestPaused", rules._paused)
            await session.send("Fetch.enable", {"patterns": patterns})
        return rules

    def going_to(self, url: str) -> None:
        """Say that the crawler itself is about to load ``url``: no document makes that request."""
        self._announced = origin_of(url) == self._origin

    async def close(self) -> None:
        """Take the rules out of a page that is used again."""
        await self._session.detach()

    async def _set_cookies(self, url: str, resolved: Resolved) -> None:
        """Bind each cookie to scheme, host and port: a cookie of the usual kind goes to every port of its host."""
        scheme, _, port = self._origin
        for cookie in resolved.cookies:
            secure = scheme == "https"
            kind = {"secure": secure, "sourceScheme": "Secure" if secure else "NonSecure", "sourcePort": port}
            await self._session.send(
                "Network.setCookie",
                {"name": cookie.name, "value": cookie.value, "url": url, "path": cookie.path, **kind},
            )

    def _paused(self, event: dict[str, Any]) -> None:
        # Judged at once and in order: what an answer waits for must not let a later request overtake.
        own = bool(self._headers) and self._is_own(event)
        task = asyncio.ensure_future(self._answer(event, own=own))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def _is_own(self, event: dict[str, Any]) -> bool:
        """Tell whether a document of the own origin asks its own origin, and note which document is asked for."""
        request, frame = event["request"], event.get("frameId", "")
        to_own = origin_of(request["url"]) == self._origin
        own = to_own and self._is_made_by_own(event, frame)
        if event["resourceType"] == "Document":
            self._documents.setdefault(frame, set()).add(origin_of(request["url"]))
            if frame == self._main_frame:
                self._announced = False
        if own:
            self._given.add(event["requestId"])
        return own

    def _is_made_by_own(self, event: dict[str, Any], frame: str) -> bool:
        if (before := event.get("redirectedRequestId")) is not None:
            return before in self._given
        document = event["resourceType"] == "Document"
        if document and frame == self._main_frame and self._announced:
            return True
        referer = next((v for n, v in event["request"]["headers"].items() if n.lower() == "referer"), None)
        if referer is not None:
            return origin_of(referer) == self._origin
        if document and frame != self._main_frame:  # any document of the page may have sent the frame there
            return all(origins == {self._origin} for origins in self._documents.values())
        return self._documents.get(frame) == {self._origin}

    async def _answer(self, event: dict[str, Any], *, own: bool) -> None:
        request, paused = event["request"], {"requestId": event["requestId"]}
        with suppress(PlaywrightError):  # the page went away meanwhile, and its request with it
            if event["resourceType"] in self._blocked:
                await self._session.send("Fetch.failRequest", {**paused, "errorReason": "BlockedByClient"})
                return
            given = {name.lower(): value for name, value in self._headers.items()}
            held = request["headers"]
            kept = {name: value for name, value in held.items() if name.lower() not in given}
            # A request that must not have them loses them, should the hop before have left them in it.
            foreign = {n: v for n, v in held.items() if n.lower() in given and v != given[n.lower()]}
            headers = kept | (dict(self._headers) if own else foreign)
            if headers == held:
                await self._session.send("Fetch.continueRequest", paused)
            else:
                pairs = [{"name": name, "value": value} for name, value in headers.items()]
                await self._session.send("Fetch.continueRequest", {**paused, "headers": pairs})
