"""Answers that are no whole page: redirects to nowhere, pictures in place of pages."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from support.crawling import crawl
from support.hostile import HostileSite, Page, hostile_site, raw
from support.png import png
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
PICTURE = png(64, 48, ground=(200, 220, 210), box=(8, 8, 16, 16))
PAGES: dict[str, Page] = {
    **{f"/{status}": raw(b"<p>moved", status=f"{status} Moved") for status in (301, 302, 303, 307, 308)},
    "/302-empty": raw(b"", status="302 Found"),
    "/304": raw(b"", status="304 Not Modified"),
    "/300": raw(b"<p>one of these", status="300 Multiple Choices"),
    "/picture": raw(PICTURE, kind="image/png"),
    "/unnamed": raw(PICTURE, kind=""),
    "/video": raw(b"none", kind="video/mp4"),
    "/sound": raw(b"none", kind="audio/mpeg"),
    "/drawing": raw(b"<svg xmlns='http://www.w3.org/2000/svg'><text y='20'>drawn</text></svg>", kind="image/svg+xml"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[HostileSite]:
    """The answers."""
    async with hostile_site(more=PAGES) as running:
        yield running


@pytest.mark.parametrize("path", ["/301", "/302", "/303", "/307", "/308", "/302-empty"])
async def test_a_redirect_to_nowhere_is_no_page(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A redirect without an address fails, whatever it shows; a crawl that expects the status takes it for the page."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.HTTP_STATUS, False)
    assert f"status {path[1:4]} without an address to go to" in found.failure.detail
    if not path.endswith("empty"):
        expected = await new_visitor().visit(pages.origin + path, crawl(expect={"status": int(path[1:4])}))
        assert (expected.failure, expected.text) == (None, "moved")


async def test_other_statuses_of_that_kind(new_visitor: NewVisitor, pages: HostileSite):
    """A choice of pages is a page; an answer that says nothing is new holds none."""
    assert (await new_visitor().visit(pages.origin + "/300", crawl())).text == "one of these"
    failure = (await new_visitor().visit(pages.origin + "/304", crawl())).failure
    assert failure is not None
    assert "status 304" in failure.detail


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/picture", "a picture (image/png)"),
        ("/unnamed", "a picture (image/png)"),
        ("/video", "a video (video/mp4)"),
        ("/sound", "a sound (audio/mpeg)"),
    ],
)
async def test_what_has_no_text_is_no_page(new_visitor: NewVisitor, pages: HostileSite, path: str, what: str):
    """A picture, a video or a sound fails as other files do; it would be a baseline without a word."""
    failure = (await new_visitor().visit(pages.origin + path, crawl())).failure
    assert failure is not None
    assert failure.reason is Reason.DOWNLOAD
    assert f"the answer is {what} and no text" in failure.detail


async def test_a_picture_may_be_compared(new_visitor: NewVisitor, pages: HostileSite):
    """A picture is a page for a crawl that compares pictures, and a drawing has text."""
    found = await new_visitor().visit(pages.origin + "/picture", crawl(visual={}, screenshot="viewport"))
    assert found.failure is None
    assert found.screenshot is not None
    assert (await new_visitor().visit(pages.origin + "/drawing", crawl())).text == "drawn"
