"""When a page is read: not before its content is there, and not never because a part of it is missing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import LIMITS, crawl
from support.hostile import HostileSite, Page, Request, answer, hostile_site, page, raw
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
PRICE = "<h1 id=p>Price 5</h1>"
NAMED = {"watch": "#p", "timeout": 4}


def _late(seconds: float, body: bytes, **headers: str) -> Page:
    async def send(request: Request) -> None:
        await asyncio.sleep(seconds)
        await answer(request, body, **headers)

    return send


def _framing(name: str, number: int, wait: float) -> dict[str, Page]:
    """Return a page of so many frames, which its server answers one after the other, ``wait`` seconds each."""
    turn = asyncio.Lock()

    async def send(request: Request) -> None:
        async with turn:
            await asyncio.sleep(wait)
        await answer(request, f"<!doctype html><p>frame {request.path}".encode())

    words = "Words of a page. " * 20
    paths = [f"{name}/{count}" for count in range(number)]
    frames = "".join(f"<iframe src='{path}'></iframe>" for path in paths)
    return {name: page(f"<p id=p>{words}</p><div id=f>{frames}</div>"), **dict.fromkeys(paths, send)}


async def _chunked(request: Request) -> None:
    """Break off in the middle of a body without a length."""
    request.writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>ha\r\n"
    )
    await request.writer.drain()
    await asyncio.sleep(0.3)
    transport = request.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


PAGES: dict[str, Page] = {
    # parts that never come
    "/picture": page(f"{PRICE}<img src=/silent>"),
    "/frame": page(f"{PRICE}<iframe src=/silent></iframe>"),
    "/async": page(f"{PRICE}<script async src=/silent></script>"),
    "/deferred": page(f"{PRICE}<script defer src=/silent></script>"),
    "/module": page(f"{PRICE}<script type=module src=/silent></script>"),
    "/sheet": page(f"{PRICE}<link rel=stylesheet href=/silent media=print>"),
    "/font": page(f"<style>@font-face {{ font-family: f; src: url(/silent) }} h1 {{ font-family: f }}</style>{PRICE}"),
    "/long": page(f"<p>{'Words of a page. ' * 20}<img src=/silent>"),
    **_framing("/frames", 30, 0.4),
    **_framing("/more-frames", 30, 0.4),
    "/one-of-two": page(f"<p>{'Words of a page. ' * 20}</p><iframe src=/good></iframe><iframe src=/silent></iframe>"),
    "/late-frame": page(
        "<p>Words</p><script>onload = () => { const f = document.createElement('iframe'); f.src = '/slow-page';"
        " document.body.append(f) }</script>"
    ),
    "/lazy-frame": page("<p>Words</p><div style='height: 9000px'></div><iframe loading=lazy src=/silent></iframe>"),
    "/sandbox": raw(
        b"<p id=p>Price 5</p><img src=/slow>", more="Content-Security-Policy: default-src 'none'; sandbox\r\n"
    ),
    "/sandbox-silent": raw(b"<p id=p>Price 5</p><img src=/silent>", more="Content-Security-Policy: sandbox\r\n"),
    "/sandbox-text": _late(0.3, b"Price 5", kind="text/plain", more="Content-Security-Policy: sandbox\r\n"),
    "/sandbox-scripts": raw(
        b"<p id=p></p><script>setTimeout(() => { p.textContent = 'Price 5' }, 20)</script>",
        more="Content-Security-Policy: sandbox allow-scripts\r\n",
    ),
    "/reopened": page("<p>old</p><script>onload = () => setTimeout(() => document.write('<p>Price 5'), 20)</script>"),
    # content that comes later
    "/fetch": page(
        "<p id=a>Loading</p><script>fetch('/slow').then(r => r.text()).then(t => a.textContent = t)</script>"
    ),
    "/request": page(
        "<p id=a>Loading</p><script>const x = new XMLHttpRequest(); x.open('GET', '/slow');"
        "x.onload = () => { a.textContent = x.response }; x.send()</script>"
    ),
    "/chain": page(
        "<p id=a>Loading</p><script>fetch('/slow?1').then(() => fetch('/slow?2')).then(r => r.text())"
        ".then(t => a.textContent = t)</script>"
    ),
    "/imported": page("<p id=a>Loading</p><script>setTimeout(() => import('/slow.js'), 10)</script>"),
    "/slow": _late(0.7, b"price 5", kind="text/plain"),
    "/slow.js": _late(0.7, b"a.textContent = 'price 5'", kind="text/javascript"),
    "/polls": page("<p>text</p><script>fetch('/silent')</script>"),
    # where it goes
    "/meta": page("<meta http-equiv=refresh content='1; url=/good'><p>Redirecting</p>"),
    "/header": raw(b"<p>Redirecting</p>", more="Refresh: 1; url=/good\r\n"),
    "/at-once": page("<meta http-equiv=refresh content='0; url=/slow-page'><p>Redirecting</p>"),
    "/script": page("<p>Redirecting</p><script>location = '/slow-page'</script>"),
    "/slow-page": _late(0.7, b"<h1>Good page</h1>"),
    "/reloads": page("<meta http-equiv=refresh content=60><p>status</p>"),
    "/logs-out": page("<meta http-equiv=refresh content='900; url=/good'><p>status</p>"),
    # applications of one document: one draws at its load alone, one at each new route, from what it fetches
    "/app": page("<p id=a></p><script>a.textContent = 'route ' + location.hash</script>"),
    "/routed": page(
        "<p id=a>Loading</p><script>const show = () => fetch('/slow').then(() => { a.textContent = 'route ' +"
        " location.hash }); onhashchange = show; show()</script>"
    ),
    # shells
    "/shell": page("<div id=root></div><script src=/404></script>"),
    "/shell-words": page("<div id=root>Loading…</div><script type=module src=/404></script>"),
    "/shell-html": page("<div id=root></div><script src=/good></script>"),
    "/no-text": page("<div id=map></div><script src=/works.js></script>"),
    "/works.js": raw(b"1", kind="text/javascript"),
    # documents that break off
    "/chunked": _chunked,
    # what is seen
    "/second": page("<b class=p style='display: none'>0</b><b class=p>5.00</b>"),
    "/third": page("<b class=p></b><b class=p style='visibility: hidden'>0</b><b class=p>5.00</b>"),
    "/contents": page("<div class=p style='display: contents'>5.00</div>"),
    "/styled-later": page(
        "<b class=p style='display: none'>5.00</b>"
        "<script>setTimeout(() => { document.querySelector('.p').style = '' }, 500)</script>"
    ),
    "/in-shadow": page("<div><template shadowrootmode=open><b class=p>5.00</b></template></div>"),
    # which page it is
    "/a": page("<p>A page</p>"),
    "/back": page("<p>B page</p><script>history.back()</script>"),
    "/back-by-entry": page("<p>B page</p><script>navigation.traverseTo(navigation.entries()[0].key)</script>"),
    "/takes-the-tab": page("<p>A page</p><script>setInterval(() => location.reload(), 120)</script>"),
    # It is busy when the next page arrives, and asks for its own reload before it hears of that
    "/takes-the-tab-late": page(
        "<p>A page</p><script>setInterval(() => { const until = performance.now() + 60;"
        " while (performance.now() < until); location.reload(); }, 130)</script>"
    ),
    "/goes": page("<p>A page</p><script>setTimeout(() => { location = '/a?' + Math.random() }, 250)</script>"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages() -> AsyncIterator[HostileSite]:
    """The pages."""
    async with hostile_site(more=PAGES) as running:
        yield running


async def test_a_part_that_never_comes_costs_no_content(new_visitor: NewVisitor, pages: HostileSite):
    """What the crawl names is there: no picture, frame, script, style sheet or font is waited for without end."""
    visitor = new_visitor()
    paths = ("/picture", "/frame", "/async", "/deferred", "/module", "/sheet", "/font")
    named: list[dict[str, Any]] = [
        NAMED,
        {"wait_for": "#p", "timeout": 4},
        {"extract": {"p": "#p"}, "timeout": 4},
        {"expect": {"contains": "Price 5"}, "timeout": 4},
    ]
    jobs = (
        [(path, NAMED) for path in paths] + [("/picture", values) for values in named[1:]] + [("/long", {"timeout": 4})]
    )
    found = await asyncio.gather(*(visitor.visit(pages.origin + path, crawl(**values)) for path, values in jobs))
    assert [one.failure for one in found] == [None] * len(jobs)
    assert all("Price 5" in (one.text or "") for one in found[:-1])


async def test_frames_that_go_on_arriving_are_waited_for(new_visitor: NewVisitor, pages: HostileSite):
    """A text without the last of many slow frames would be told as a change: it has all of them, or the visit fails."""
    limits = replace(LIMITS, parts_within=3.0)
    patient, hurried = await asyncio.gather(
        new_visitor(limits).visit(pages.origin + "/frames", crawl(timeout=40)),
        new_visitor(limits).visit(pages.origin + "/more-frames", crawl(timeout=8)),
    )
    assert patient.failure is None
    assert [line for line in str(patient.text).split("\n") if line.startswith("frame")] == [
        f"frame /frames/{number}" for number in range(30)
    ]
    assert hurried.failure is not None
    assert (hurried.failure.reason, hurried.failure.retry) == (Reason.TIMEOUT, True)
    assert "of its frames had not come" in hurried.failure.detail
    named = await new_visitor(limits).visit(pages.origin + "/frames", crawl(watch="#p"))
    assert named.failure is None
    assert "frame" not in str(named.text)


async def test_frames_that_never_come_cost_no_page(new_visitor: NewVisitor, pages: HostileSite):
    """A frame that never answers beside one that did is not waited for without end; a lazy one is not at all."""
    limits = replace(LIMITS, parts_within=1.0)
    found = await new_visitor(limits).visit(pages.origin + "/one-of-two", crawl())
    assert found.failure is None
    assert "Good page" in str(found.text)
    assert found.note == "read without some of its parts, which had not come"
    lazy = await new_visitor(limits).visit(pages.origin + "/lazy-frame", crawl())
    assert (lazy.failure, lazy.text, lazy.note) == (None, "Words", None)


async def test_a_frame_that_a_script_adds_is_waited_for(new_visitor: NewVisitor, pages: HostileSite):
    """A frame of the page's own that a script adds after the load may bring text, as a request may."""
    found = await new_visitor().visit(pages.origin + "/late-frame", crawl())
    assert (found.text, found.note) == ("Words\nGood page", None)


@pytest.mark.parametrize("path", ["/sandbox", "/sandbox-silent", "/sandbox-text", "/sandbox-scripts"])
async def test_a_page_that_may_run_no_script_is_read(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """Where a policy stops scripts, and the reader's timers with them, a page is read when it has arrived."""
    named: dict[str, Any] = {} if path == "/sandbox-text" else {"wait_for": "#p", "watch": "#p"}
    found = await new_visitor().visit(pages.origin + path, crawl(timeout=10, **named))
    assert (found.failure, found.text) == (None, "Price 5")
    if path == "/sandbox":
        missed = (await new_visitor().visit(pages.origin + path, crawl(timeout=10, wait_for="#q"))).failure
        assert missed is not None
        assert missed.reason is Reason.WAIT_FOR


async def test_a_document_that_a_script_opens_anew_is_read(new_visitor: NewVisitor, pages: HostileSite):
    """A page that a script writes after its load, and never closes, is what it then shows."""
    found = await new_visitor().visit(pages.origin + "/reopened", crawl(timeout=10))
    assert (found.failure, found.text) == (None, "Price 5")


async def test_without_its_content_it_is_not_loaded(new_visitor: NewVisitor, pages: HostileSite):
    """Where what the crawl names is missing, the page is waited for until its time-out, and is told as not loaded."""
    visitor = new_visitor()
    configs = [crawl(watch="#q", timeout=3), crawl(expect={"contains": "Price 6"}, timeout=3), crawl(timeout=3)]
    for found in await asyncio.gather(*(visitor.visit(pages.origin + "/picture", config) for config in configs)):
        assert found.failure is not None
        assert (found.failure.reason, found.failure.detail) == (Reason.TIMEOUT, "not loaded within 3 s")


@pytest.mark.parametrize("path", ["/fetch", "/request", "/chain", "/imported"])
async def test_an_open_request_may_bring_the_text(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A page is not settled while a request is open that may bring text."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert (found.failure, found.text) == (None, "price 5")


async def test_a_request_without_end_is_waited_for_no_longer_than_settle_says(
    new_visitor: NewVisitor, pages: HostileSite
):
    """A long poll costs ``settle.at_most``."""
    found = await new_visitor().visit(pages.origin + "/polls", crawl(settle={"quiet": 0.05, "at_most": 1}))
    assert (found.failure, found.text) == (None, "text")
    assert 900 < (found.timings.total or 0) < 6_000


@pytest.mark.parametrize("path", ["/meta", "/header", "/at-once", "/script"])
async def test_a_page_that_goes_elsewhere_is_read_there(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A refresh that is due, by the page or by a header, and a redirect on its way are followed."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert found.failure is None
    assert (found.text or "").startswith("Good page")
    assert found.final_url in {pages.origin + "/good", pages.origin + "/slow-page"}


async def test_a_refresh_is_content_where_it_is_none_to_wait_for(new_visitor: NewVisitor, pages: HostileSite):
    """A page that loads itself again, or logs out in a while, is content; one that leaves too late is not."""
    visitor = new_visitor()
    for path in ("/reloads", "/logs-out"):
        found = await visitor.visit(pages.origin + path, crawl())
        assert (found.failure, found.text) == (None, "status")
    late = await visitor.visit(pages.origin + "/meta", crawl(timeout=1, settle={"quiet": 0.05, "at_most": 0.5}))
    assert late.failure is not None
    assert late.failure.reason is Reason.TIMEOUT
    assert "another page" in late.failure.detail


@pytest.mark.parametrize("path", ["/shell", "/shell-words", "/shell-html"])
async def test_a_shell_without_its_scripts_is_no_content(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A page that shows nothing, or only that it loads, and whose scripts failed, is no baseline."""
    found = await new_visitor().visit(pages.origin + path, crawl())
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.NO_CONTENT, True)
    fine = await new_visitor().visit(pages.origin + "/no-text", crawl())
    assert (fine.failure, fine.text) == (None, "")


async def test_a_document_that_breaks_off_is_told_at_once(new_visitor: NewVisitor, pages: HostileSite):
    """Nobody waits for the rest of a document whose connection ended; what came of it is no content."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    found = await new_visitor().visit(pages.origin + "/chunked", crawl(timeout=20))
    assert found.failure is not None
    assert (found.failure.reason, found.status) == (Reason.CONNECT, 200)
    assert loop.time() - start < 10


@pytest.mark.parametrize("path", ["/second", "/third", "/contents", "/styled-later", "/in-shadow"])
async def test_any_visible_match_is_enough(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """``wait_for`` takes any match that a person sees; one that is hidden, or that has no box, is none."""
    found = await new_visitor().visit(pages.origin + path, crawl(wait_for=".p", timeout=6))
    assert found.failure is None
    assert "5.00" in (found.text or "")
    hidden = await new_visitor().visit(pages.origin + "/second", crawl(wait_for=".p:first-child", timeout=1))
    assert hidden.failure is not None
    assert hidden.failure.reason is Reason.WAIT_FOR


@pytest.mark.parametrize("path", ["/back", "/back-by-entry"])
async def test_no_page_gives_the_text_of_the_page_before(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A page that goes back in its tab fails, in a shared context and in an ordered session; the next one is good."""
    visitor = new_visitor()
    config = crawl(isolation="crawl")
    session = await visitor.open_session(crawl(urls=[pages.origin + "/a", pages.origin + path], ordered=True))
    try:
        for visit in (lambda url: visitor.visit(url, config), session.visit):
            assert (await visit(pages.origin + "/a")).text == "A page"
            back = await visit(pages.origin + path)
            assert back.text in {None, "B page"}
            assert back.text is not None or (back.failure and back.failure.reason is Reason.NAVIGATION)
            assert (await visit(pages.origin + "/good")).failure is None
    finally:
        await session.close()


@pytest.mark.parametrize("path", ["/takes-the-tab", "/takes-the-tab-late", "/goes"])
async def test_no_page_gives_its_failure_to_the_next(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """A page that goes on loading itself, or another, in its tab gives no visit after it its text or its failure."""
    visitor = new_visitor()
    config = crawl(isolation="crawl", timeout=6)
    session = await visitor.open_session(config)
    try:
        for visit in (lambda url: visitor.visit(url, config), session.visit):
            for number in range(4):
                await visit(pages.origin + path)
                found = await visit(f"{pages.origin}/slow-page?{number}")
                assert (found.failure, found.text) == (None, "Good page")
    finally:
        await session.close()


@pytest.mark.parametrize("path", ["/app", "/routed"])
@pytest.mark.parametrize("isolation", ["page", "crawl"])
async def test_each_route_of_an_application_is_a_page(
    new_visitor: NewVisitor, pages: HostileSite, path: str, isolation: str
):
    """Visits one after the other, that differ in the fragment alone, each read their own route."""
    visitor = new_visitor()
    config = crawl(isolation=isolation, timeout=6)
    for route in ("#/a", "#!/b", "#/c/d?e=f", "", "#/a"):
        found = await visitor.visit(pages.origin + path + route, config)
        assert (found.failure, found.text) == (None, f"route {route}".strip())
        assert found.final_url == pages.origin + path + route


@pytest.mark.parametrize("path", ["/app", "/routed"])
async def test_each_route_is_a_step_of_an_ordered_list(new_visitor: NewVisitor, pages: HostileSite, path: str):
    """In a session, which keeps its tab, a route is loaded as every page is."""
    session = await new_visitor().open_session(crawl(urls=[pages.origin + path], ordered=True, timeout=6))
    try:
        for route in ("#/a", "#/b", "", "#/b"):
            found = await session.visit(pages.origin + path + route)
            assert (found.failure, found.text) == (None, f"route {route}".strip())
    finally:
        await session.close()
