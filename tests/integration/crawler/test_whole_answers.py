"""Answers that end before the document does: none of them becomes a text, however its server framed it."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from support.crawling import crawl
from support.hostile import HTML, HostileSite, Page, Request, answer, hostile_site, raw
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
LINES = b"".join(b"<p>line %d of many" % number for number in range(300))
PAGE = b"<!doctype html><title>t</title><body>" + LINES + b"</body></html>\n<!-- cached -->"
OPEN = b"<!doctype html><title>t</title>" + LINES
TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(500))
VALUES = b'{"a": [' + b",".join(b"%d" % number for number in range(900)) + b"]}"
FILE = "Content-Disposition: attachment\r\n"


def _packed(body: bytes, kind: str = HTML, *, part: float = 1.0, how: str = "gzip", more: str = "") -> Page:
    """Return an answer with ``part`` of a compressed body, and the length of that."""
    packed = gzip.compress(body) if how == "gzip" else zlib.compress(body)
    return raw(packed[: int(len(packed) * part)], kind=kind, more=f"Content-Encoding: {how}\r\n{more}")


def _framed(head: str, body: bytes, kind: str, *, aborts: bool = False) -> Page:
    """Return an answer whose body ends otherwise than its head says."""

    async def send(request: Request) -> None:
        request.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{head}\r\n".encode() + body)
        await request.writer.drain()
        if aborts:
            await asyncio.sleep(0.3)
            request.writer.transport.abort()

    return send


def _first_cut(path: str, body: bytes, kind: str) -> Page:
    """Return an answer that is cut the first time alone, and a page that ends as few do."""

    async def send(request: Request) -> None:
        count = request.site.attempts[path] = request.site.attempts.get(path, 0) + 1
        packed = gzip.compress(body[: len(body) // 2] if count == 1 else body)
        await answer(request, packed, kind=kind, more="Content-Encoding: gzip\r\n")

    return send


CHUNKED = "Transfer-Encoding: chunked\r\n"
CUT: dict[str, Page] = {
    "/gzip": _packed(PAGE, part=0.5),
    "/deflate": _packed(PAGE, part=0.5, how="deflate"),
    "/first-time": _first_cut("/first-time", OPEN, HTML),
    "/table": _packed(TABLE, "text/csv", part=0.5),
    "/text": _packed(TABLE, "text/plain", part=0.5),
    "/values": _packed(VALUES, "application/json", part=0.5),
    "/file": _packed(TABLE, "text/csv", part=0.5, more=FILE),
    "/no-gzip": raw(PAGE, more="Content-Encoding: gzip\r\n"),
    "/no-brotli": raw(b"\x1b" + b"xyz" * 300, more="Content-Encoding: br\r\n"),
    "/length": _framed(f"Content-Length: {2 * len(PAGE)}\r\n", PAGE, HTML),
    "/chunk": _framed(CHUNKED, b"%x\r\n" % len(PAGE) + PAGE[:2000], HTML),
    "/no-last-chunk": _framed(CHUNKED, b"%x\r\n" % len(PAGE) + PAGE + b"\r\n", HTML),
    "/bad-chunk": _framed(CHUNKED, b"zz\r\n" + PAGE, HTML),
    "/reset": _framed(f"Content-Length: {2 * len(PAGE)}\r\n", PAGE, HTML, aborts=True),
    "/values-length": _framed(f"Content-Length: {2 * len(VALUES)}\r\n", VALUES, "application/json"),
    "/feed-length": _framed("Content-Length: 5000\r\n", b"<rss><channel/></rss>", "application/rss+xml"),
    "/text-reset": _framed("Content-Length: 50000\r\n", TABLE, "text/plain", aborts=True),
    "/file-length": _framed(f"{FILE}Content-Length: {2 * len(TABLE)}\r\n", TABLE, "text/csv"),
    "/file-chunk": _framed(FILE + CHUNKED, b"%x\r\n" % len(TABLE) + TABLE, "text/csv"),
    "/file-reset": _framed(f"{FILE}Content-Length: 50000\r\n", VALUES, "application/json", aborts=True),
}
WHOLE: dict[str, tuple[Page, int]] = {
    "/whole": (_packed(PAGE), 1),
    "/whole-values": (_packed(VALUES, "application/json"), 1),
    "/open": (_packed(OPEN), 2),
    "/open-deflate": (_packed(OPEN, how="deflate"), 2),
    "/junk-behind": (raw(gzip.compress(OPEN) + b"junk", more="Content-Encoding: gzip\r\n"), 2),
    "/whole-text": (_packed(TABLE, "text/plain"), 2),
    # the browser itself asks twice for what it would download
    "/plain-file": (raw(TABLE, kind="text/csv", more=FILE), 2),
    "/whole-file": (_packed(TABLE, "text/csv", more=FILE), 3),
    "/file-chunked": (_framed(FILE + CHUNKED, b"%x\r\n" % len(TABLE) + TABLE + b"\r\n0\r\n\r\n", "text/csv"), 3),
}
"""By path, and how often it is asked for: once more where nothing else tells whether it is whole."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[HostileSite]:
    """The answers."""
    async with hostile_site(more=CUT | {path: send for path, (send, _) in WHOLE.items()}) as running:
        yield running


@pytest.mark.parametrize("path", CUT)
async def test_half_an_answer_is_no_page(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A body that ends early fails as ``connect``, worth a retry: as a text it would be told as a change."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.CONNECT, True)


@pytest.mark.parametrize("path", WHOLE)
async def test_a_whole_answer_is_read(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A page without end tags, a table and a file are read when their answer is whole."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert found.failure is None
    assert found.text
    assert sum(request.path == path for request in pages.seen) == WHOLE[path][1]


async def test_what_is_asked_again_is_asked_as_the_browser_asks(new_visitor: NewVisitor, pages: HostileSite):
    """The second request has the browser's user agent and cookies, and nothing of the crawl's own headers."""
    config = crawl(user_agent="ExampleBot/1", cookies={"a": "b"}, headers={"X-Key": "k"})
    assert (await new_visitor().visit(pages.origin + "/open?as", config)).failure is None
    first, second = [request.headers for request in pages.seen if request.path == "/open?as"]
    for name in ("user-agent", "cookie"):
        assert first[name] == second[name]
    assert first["x-key"] == "k"
    assert "x-key" not in second
