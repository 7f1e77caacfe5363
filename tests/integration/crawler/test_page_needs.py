"""What pages need of the browser before they are read or photographed."""

import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from support.crawling import crawl
from support.hostile import HostileSite, Page, hostile_site, page, self_signed
from trapline_common.domain.observation import Reason
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
_MORE = (
    "<script>let n = 0, busy = false; const more = async () => {"
    "if (busy || n === 3) return; busy = true; n += 1; await fetch('/good?' + n); busy = false;"
    "const p = document.createElement('p'); p.style.height = '1500px'; p.textContent = 'part ' + n; LIST.append(p) };"
    "new IntersectionObserver(es => es.some(e => e.isIntersecting) && more()).observe(document.querySelector('#end'));"
    "SCROLLER.addEventListener('scroll', () => { if (AT.scrollTop + AT.clientHeight > AT.scrollHeight - 99) more() })"
    "</script>"
)


def _list(body: str, *, scroller: str, at: str) -> str:
    script = _MORE.replace("SCROLLER", scroller).replace("AT.", f"{at}.")
    return body + script.replace("LIST", "document.querySelector('#list')")


PAGES: dict[str, Page] = {
    "/scrolls": page(
        _list(
            "<div id=list><p style='height: 1500px'>part 0</p></div><i id=end></i>",
            scroller="window",
            at="document.documentElement",
        )
    ),
    "/scrolls-inside": page(
        _list(
            "<style>html, body { height: 100%; margin: 0; overflow: hidden }</style><main id=m style='height: 100%;"
            "overflow: auto'><div id=list><p style='height: 1500px'>part 0</p></div></main><i id=end hidden></i>",
            scroller="document.querySelector('#m')",
            at="document.querySelector('#m')",
        )
    ),
    "/lazy": page("<p style='height: 9000px'>x</p><img loading=lazy src=/far.png width=40 height=40>"),
    "/observed": page(
        "<p style='height: 7000px'>x</p><img id=i width=40 height=40><script>new IntersectionObserver(es => {"
        "if (es[0].isIntersecting) i.src = '/observed.png' }).observe(i)</script>"
    ),
    "/tall": page("<p style='height: 20000px'>x</p>"),
    "/fonts": page(
        "<style>@font-face { font-family: f; src: url(/silent) } p { font-family: f }"
        "@keyframes k { to { opacity: 0 } } i { animation: k 1s infinite }</style><p>x</p><i>y</i>"
    ),
    "/where": page(
        "<p id=p></p><script>p.textContent = navigator.language + ' ' + (1234.5).toLocaleString() + ' '"
        "+ Intl.DateTimeFormat().resolvedOptions().timeZone</script>"
    ),
    "/asks": page(
        "<button id=b onclick='setTimeout(() => { p.hidden = false }, 200)'>all</button><p id=p hidden>the rest</p>"
        "<input id=i oninput='o.textContent = i.value'><output id=o></output>"
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[HostileSite]:
    """The pages."""
    async with hostile_site(more=PAGES) as running:
        yield running


@pytest.mark.parametrize("path", ["/scrolls", "/scrolls-inside"])
async def test_text_that_comes_by_scrolling(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """``scroll`` goes down as many screens as it says, waits for what they load, and ends at the page's end."""
    visitor = new_visitor()
    still = await visitor.visit(pages.origin + path, crawl(watch="#list"))
    assert still.text == "part 0"
    found = await visitor.visit(pages.origin + path, crawl(watch="#list", scroll=30))
    assert (found.failure, found.text) == (None, "part 0\npart 1\npart 2\npart 3")
    some = await visitor.visit(pages.origin + path, crawl(watch="#list", scroll=1))
    assert (some.text or "").count("part") < 4


async def test_a_full_picture_shows_what_loads_late(
    new_visitor: NewVisitor, pages: HostileSite, store: DirectoryArtifacts
):
    """Lazy pictures are asked for, a font that never comes is not waited for, and a picture's end is told."""
    visitor, full = new_visitor(), crawl(screenshot="full_page", timeout=10)
    for path, asked in (("/lazy", "/far.png"), ("/observed", "/observed.png"), ("/fonts", "/silent")):
        found = await visitor.visit(pages.origin + path, crawl(screenshot="full_page", timeout=10, watch="p"))
        assert found.failure is None
        assert found.screenshot is not None
        assert asked in [request.path for request in pages.seen]
    tall = await visitor.visit(pages.origin + "/tall", full)
    assert tall.note == "the picture is cut at 16384 of 20032 pixels"
    assert tall.screenshot is not None
    assert struct.unpack(">II", (await store.get(tall.screenshot))[16:24]) == (1280, 16384)
    whole = await visitor.visit(pages.origin + "/good", full)
    assert (whole.failure, whole.note) == (None, None)


async def test_where_the_browser_is(new_visitor: NewVisitor, pages: HostileSite):
    """``locale`` and ``browser_timezone`` are what scripts and servers see."""
    config = crawl(locale="de-DE", browser_timezone="Asia/Tokyo")
    found = await new_visitor().visit(pages.origin + "/where", config)
    assert found.text == "de-DE 1.234,5 Asia/Tokyo"
    assert pages.headers_of("/where")["accept-language"].startswith("de-DE")


async def test_a_certificate_that_nobody_trusts(new_visitor: NewVisitor, tmp_path: Path):
    """``ignore_tls_errors`` visits the page; without it, it fails."""
    async with hostile_site(tls=self_signed(tmp_path)) as secure:
        found = await new_visitor().visit(secure.origin + "/good", crawl(ignore_tls_errors=True))
        assert found.failure is None
        refused = await new_visitor().visit(secure.origin + "/good", crawl())
        assert refused.failure is not None
        assert refused.failure.reason is Reason.TLS


async def test_what_is_done_before_a_page_is_read(new_visitor: NewVisitor, pages: HostileSite):
    """``before`` clicks and fills in the page itself; a step that can't be done fails the visit by its number."""
    before = [{"click": "#b"}, {"fill": {"selector": "#i", "value": "typed"}}, {"wait_for": "#p"}]
    found = await new_visitor().visit(pages.origin + "/asks", crawl(before=before, timeout=8))
    assert (found.failure, found.text) == (None, "all\nthe rest\ntypedtyped")
    missing = await new_visitor().visit(pages.origin + "/asks", crawl(before=[{"click": "#no"}], timeout=3))
    assert missing.failure is not None
    assert missing.failure.reason is Reason.STEP
    assert missing.failure.detail.startswith("before: step 1, click")
