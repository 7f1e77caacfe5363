"""Shows a text that the browser would download: its answer is handed on as plain text, and read like a page."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.header_values import whole_number
from trapline_crawler.visit.page_script import LONGEST_TEXT
from trapline_crawler.visit.text_formats import TextFormat, charset, text_format

DOWNLOAD = "Download is starting"
"""What Playwright says of a navigation whose answer is a file."""

LONGEST_FILE = 4 * LONGEST_TEXT
"""Bytes of a file that are shown; one with more is refused as too large."""

_PIECE = 1024 * 1024
_FIRST_REDIRECT = 300
_FIRST_ERROR = 400


class FileAsText:
    """In force in one page during one navigation, after an earlier one was found to be a download."""

    def __init__(self, session: CDPSession) -> None:
        self.format: TextFormat | None = None
        """The format of the file that was shown; ``None``: none was."""
        self.is_packed = False
        """Whether its body came compressed or without a length, so that nothing tells whether all of it did."""
        self.failure: Failure | None = None
        """Why a text could not be shown."""
        self._session = session
        self._answers: set[asyncio.Task[None]] = set()

    def paused(self, event: dict[str, Any]) -> None:
        """Answer for one response of a document."""
        task = asyncio.ensure_future(self._answer(event))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, event: dict[str, Any]) -> None:
        paused, status = {"requestId": event["requestId"]}, event.get("responseStatusCode", 0)
        headers = {one["name"].lower(): one["value"] for one in event.get("responseHeaders", [])}
        found = text_format(headers, event["request"]["url"])
        with suppress(PlaywrightError):  # the page went away meanwhile, and its request with it
            if found is None or _FIRST_REDIRECT <= status < _FIRST_ERROR or "responseErrorReason" in event:
                await self._session.send("Fetch.continueRequest", paused)
                return
            body = await self._body(event["requestId"])
            if body is None:
                self.failure = Failure(reason=Reason.TOO_LARGE, detail=f"more than {LONGEST_FILE} bytes", retry=False)
                await self._session.send("Fetch.failRequest", {**paused, "errorReason": "Aborted"})
                return
            promised = _length(headers)
            if promised is not None and promised != len(body):
                detail = f"its body ends after {len(body)} bytes, and its answer promised {promised}"
                self.failure = Failure(reason=Reason.CONNECT, detail=detail, retry=True)
                await self._session.send("Fetch.failRequest", {**paused, "errorReason": "Aborted"})
                return
            self.format, self.is_packed = found, promised is None
            kind = f"text/{'html' if found == 'html' else 'plain'}; charset={charset(headers, body)}"
            shown = {
                "responseCode": status,
                "responseHeaders": [{"name": "Content-Type", "value": kind}],
                "body": base64.b64encode(body).decode("ascii"),
            }
            await self._session.send("Fetch.fulfillRequest", {**paused, **shown})

    async def _body(self, request: str) -> bytes | None:
        """Return the answer's body, piece by piece; ``None`` for one that is too long."""
        stream = (await self._session.send("Fetch.takeResponseBodyAsStream", {"requestId": request}))["stream"]
        body = bytearray()
        try:
            while len(body) <= LONGEST_FILE:
                piece = await self._session.send("IO.read", {"handle": stream, "size": _PIECE})
                data = piece["data"]
                body += base64.b64decode(data) if piece.get("base64Encoded") else data.encode()
                if piece["eof"]:
                    return bytes(body)
        finally:
            await self._session.send("IO.close", {"handle": stream})
        return None


def _length(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes the body has by its answer's headers; ``None`` where they do not say it of these bytes."""
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        return None
    return None if "transfer-encoding" in headers else whole_number(headers.get("content-length", ""))


@asynccontextmanager
async def file_as_text(page: Page) -> AsyncIterator[FileAsText]:
    """Let the next navigation of ``page`` show a text in place of its download."""
    session = await page.context.new_cdp_session(page)
    shown = FileAsText(session)
    session.on("Fetch.requestPaused", shown.paused)
    await session.send(
        "Fetch.enable", {"patterns": [{"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}]}
    )
    try:
        yield shown
    finally:
        with suppress(PlaywrightError):
            await session.detach()
