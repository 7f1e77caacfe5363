"""Every bad page of the issue's list, each with a neighbour in the same browser, and in the same context."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page

from support.crawling import crawl, until
from support.hostile import HostileSite, hostile_site, self_signed
from trapline_common.domain.observation import Observation, Reason
from trapline_crawler.browser.errors import PageCrashedError
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]

FAILED = [
    ("/404", Reason.HTTP_STATUS, False),
    ("/404-empty", Reason.HTTP_STATUS, False),
    ("/408", Reason.HTTP_STATUS, True),
    ("/429", Reason.BLOCKED, True),
    ("/500", Reason.HTTP_STATUS, True),
    ("/204", Reason.NO_CONTENT, False),
    ("/empty", Reason.NO_CONTENT, False),
    ("/loop", Reason.REDIRECTS, False),
    ("/to-file", Reason.ADDRESS_REFUSED, False),
    ("/reset", Reason.CONNECT, True),
    ("/reset-at-once", Reason.CONNECT, True),
    ("/huge", Reason.TOO_LARGE, False),
    ("/download", Reason.DOWNLOAD, False),
    ("/pdf", Reason.DOWNLOAD, False),
]
NEVER_DONE = [
    ("/silent", {Reason.TIMEOUT}),
    ("/half-loaded", {Reason.TIMEOUT}),
    ("/trickle", {Reason.TIMEOUT}),
    ("/spin", {Reason.PAGE_HUNG}),
    ("/spin-later", {Reason.PAGE_HUNG}),
    # Whichever bound it meets first on a busy machine.
    ("/alerts-forever", {Reason.TOO_LARGE, Reason.PAGE_HUNG}),  # each dialog is two events of the browser's protocol
    ("/endless", {Reason.TOO_LARGE, Reason.TIMEOUT, Reason.PAGE_HUNG}),
]


async def _with_neighbour(visitor: BrowserVisitor, url: str, good: str, **values: object) -> Observation:
    """Visit a bad page and a good one at the same time in one context, and return what the bad one gave."""
    config = crawl(isolation="crawl", **values)
    bad, neighbour = await asyncio.gather(visitor.visit(url, config), visitor.visit(good, config))
    assert neighbour.failure is None
    assert neighbour.text is not None
    assert "Good page" in neighbour.text
    return bad


@pytest.mark.parametrize(("path", "reason", "retry"), FAILED, ids=[row[0] for row in FAILED])
async def test_bad_page_fails_with_its_reason(
    new_visitor: NewVisitor, site: HostileSite, path: str, reason: Reason, *, retry: bool
):
    """A bad page ends as a failed visit with its reason and whether to retry, and its neighbour is unharmed."""
    found = await _with_neighbour(new_visitor(), site.origin + path, site.origin + "/good")
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (reason, retry)
    assert found.failure.detail


@pytest.mark.parametrize(("path", "reasons"), NEVER_DONE, ids=[row[0] for row in NEVER_DONE])
async def test_page_that_never_ends_is_ended(
    new_visitor: NewVisitor, site: HostileSite, path: str, reasons: set[Reason]
):
    """A page that never finishes, hangs or streams for ever ends within timeout and bound; its neighbour is visited."""
    clock = asyncio.get_running_loop().time
    start = clock()
    found = await _with_neighbour(new_visitor(), site.origin + path, site.origin + "/good", timeout=4)
    assert found.failure is not None
    assert found.failure.reason in reasons
    assert clock() - start < 4 + 20


async def test_host_not_found(new_visitor: NewVisitor, site: HostileSite):
    """A host that does not exist fails with ``dns`` and is worth a retry."""
    found = await _with_neighbour(new_visitor(), "http://no-such-host.invalid/", site.origin + "/good")
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.DNS, True)


async def test_connection_refused(new_visitor: NewVisitor, site: HostileSite):
    """A port on which no server listens fails with ``connect`` and is worth a retry."""
    async with hostile_site() as gone:
        origin = gone.origin
    found = await _with_neighbour(new_visitor(), origin + "/good", site.origin + "/good")
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.CONNECT, True)


async def test_untrusted_certificate(new_visitor: NewVisitor, site: HostileSite, tmp_path: Path):
    """A self-signed certificate fails with ``tls``, and no retry will mend it."""
    context: ssl.SSLContext = self_signed(tmp_path)
    async with hostile_site(tls=context) as secure:
        found = await _with_neighbour(new_visitor(), secure.origin + "/good", site.origin + "/good")
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.TLS, False)


async def test_other_schemes_are_never_visited(new_visitor: NewVisitor):
    """A URL that is neither http nor https is refused before the browser is asked."""
    found = await new_visitor().visit("file:///etc/passwd", crawl())
    assert found.failure is not None
    assert found.failure.reason is Reason.ADDRESS_REFUSED


async def test_finite_alerts_are_dismissed(new_visitor: NewVisitor, site: HostileSite):
    """A page that alerts twenty times is done: each dialog is dismissed and the page goes on."""
    found = await _with_neighbour(new_visitor(), site.origin + "/alerts", site.origin + "/good")
    assert found.failure is None
    assert found.text == "after"


async def test_windows_are_closed(new_visitor: NewVisitor, browser: Browser, site: HostileSite):
    """A page that opens fifteen windows is done: what it says counts, and none of its windows stays."""
    visitor = new_visitor()
    found = await _with_neighbour(visitor, site.origin + "/popups", site.origin + "/good")
    assert found.failure is None
    assert found.text == "main"
    again = await visitor.visit(site.origin + "/good", crawl(isolation="crawl"))
    assert again.failure is None
    context = (await browser.ready()).browser.contexts[-1]
    await until(lambda: len(context.pages) <= 2)


@pytest.mark.parametrize(("path", "text"), [("/latin1", "café 12 £"), ("/not-utf8", "caf\ufffd \ufffd\ufffd")])
async def test_other_encodings_are_read(new_visitor: NewVisitor, site: HostileSite, path: str, text: str):
    """A page in another encoding is decoded; one that lies about it is read as a browser shows it. Both are done."""
    found = await _with_neighbour(new_visitor(), site.origin + path, site.origin + "/good")
    assert found.failure is None
    assert found.text == text


async def test_renderer_crash_takes_no_neighbour_along(new_visitor: NewVisitor, browser: Browser, site: HostileSite):
    """A renderer that crashes raises ``PageCrashedError`` for its visit alone; the neighbour in its context is done."""
    visitor = new_visitor()
    config = crawl(isolation="crawl")
    before = len(site.seen)
    crashing = asyncio.ensure_future(visitor.visit(site.origin + "/half-loaded", config))
    live = await browser.ready()

    def shown() -> list[Page]:
        pages = [page for context in live.browser.contexts for page in context.pages]
        return [page for page in pages if page.url.endswith("/half-loaded")]

    # The page is there to be crashed once it is shown; that it asked for its picture is seen before that.
    await until(lambda: len(shown()) == 1 and any(request.path == "/silent" for request in site.seen[before:]))
    neighbour = asyncio.ensure_future(visitor.visit(site.origin + "/late", config))
    victim = shown()[0]
    session = await victim.context.new_cdp_session(victim)
    asyncio.ensure_future(session.send("Page.crash")).add_done_callback(lambda done: done.exception())
    with pytest.raises(PageCrashedError) as raised:
        await crashing
    assert raised.value.failure().reason is Reason.PAGE_CRASHED
    assert (await neighbour).failure is None
    assert (await visitor.visit(site.origin + "/good", config)).failure is None
