"""Headers with absurd dates and numbers, from a real server, through a real browser: read, bounded or ignored."""

import asyncio
from collections.abc import Callable

import pytest

from support.crawling import crawl
from support.raw_http import listening, read_request
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.blocked import LONGEST_RETRY_AFTER
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HUGE_DATE = "Mon, 01 Jan 99999999999 00:00:00 GMT"
HARMLESS = [
    f"Retry-After: {HUGE_DATE}",
    f"Retry-After: Fri, 20 Nov 2026 10:00:00 GMT\r\nDate: {HUGE_DATE}",
    "Retry-After: Mon, 01 Jan 2026 00:00:00 +99999999999999",
    f"Retry-After: {'9' * 5000}",
    "Retry-After: -1",
    f"Last-Modified: {HUGE_DATE}\r\nExpires: {HUGE_DATE}\r\nAge: {'9' * 40}",
    "Expires: Mon, 01 Jan 0000 00:00:00 GMT\r\nDate: soon",
    f"Set-Cookie: a=b; Expires={HUGE_DATE}",
    f"Set-Cookie: a=b; Max-Age={'9' * 40}\r\nSet-Cookie: c=d; Max-Age=-{'9' * 40}",
    f"Strict-Transport-Security: max-age={'9' * 400}",
    f"Refresh: {'9' * 400}",
    f"Keep-Alive: timeout={'9' * 400}, max=-1",
    f"Server-Timing: x;dur={'9' * 400}",
    f"Content-Range: bytes 0-{'9' * 40}/{'9' * 40}",
    f"X-Long: {'x' * 60_000}",
]
LENGTHS = ["-5", "9" * 5000, "1e3", "0x10", "5, 6", "²", ""]
"""What may fail the page, and must not fail anything else."""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await read_request(reader)).path
    kind, _, number = path.strip("/").partition("/")
    body = b"<title>ok</title><p>all is well</p>"
    status, length, more = "200 OK", str(len(body)), ""
    if kind in {"harmless", "refused"}:
        more = HARMLESS[int(number)] + "\r\n"
    if kind == "refused":
        status = "429 Too Many Requests"
    if kind == "length":
        length = LENGTHS[int(number)]
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n"
    )
    writer.write(head.encode() + body)
    writer.close()


async def test_no_header_fails_a_good_page(new_visitor: Callable[..., BrowserVisitor]) -> None:
    """Each absurd value on a page with status 200: it is read as if the header were not there."""
    visitor = new_visitor()
    async with listening(_answer) as origin:
        pages = [f"{origin}/harmless/{number}" for number in range(len(HARMLESS))]
        for page, header in zip(pages, HARMLESS, strict=True):
            found = await visitor.visit(page, crawl(isolation="crawl"))
            assert (found.failure, found.text) == (None, "all is well"), header[:80]


async def test_no_header_of_a_refusal_asks_for_more_than_is_kept(new_visitor: Callable[..., BrowserVisitor]) -> None:
    """The same on a 429: the page is blocked, and the pause is bounded or none."""
    visitor = new_visitor()
    async with listening(_answer) as origin:
        for number, header in enumerate(HARMLESS[:5]):
            found = await visitor.visit(f"{origin}/refused/{number}", crawl(isolation="crawl"))
            assert found.failure is not None
            assert (found.failure.reason, found.failure.retry) == (Reason.BLOCKED, True), header[:80]
            assert found.retry_after is None or 0 <= found.retry_after <= LONGEST_RETRY_AFTER


async def test_no_length_costs_more_than_its_page(new_visitor: Callable[..., BrowserVisitor]) -> None:
    """A ``Content-Length`` that is none fails its page at most; what is visited next is good."""
    visitor = new_visitor()
    async with listening(_answer) as origin:
        for number in range(len(LENGTHS)):
            found = await visitor.visit(f"{origin}/length/{number}", crawl(isolation="crawl", timeout=3))
            assert found.failure is None or found.failure.reason in {
                Reason.CONNECT,
                Reason.NAVIGATION,
                Reason.TIMEOUT,
                Reason.TOO_LARGE,
                Reason.NO_CONTENT,
            }
            assert (await visitor.visit(f"{origin}/good", crawl(isolation="crawl"))).failure is None
