"""A page's frames, bytes, memory, console, processor time and lies cost itself alone.

``make bench ARGS="--only neighbours"`` visits every page of ``support.hostile_pages`` beside nine good ones, in each
isolation; here are those that show each bound, in few browsers.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser, until
from support.hostile import HostileSite, hostile_site
from support.hostile_pages import ALL
from support.neighbours import visit_together
from trapline_common.domain.observation import Reason
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser import guardian
from trapline_crawler.browser.errors import BrowserFaultError, MemorySpentError
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.browser.process_watch import ProcessLimits
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHARED = {"isolation": "crawl", "timeout": 30}
ROOMY = replace(LIMITS, answer=6.0)
"""A loaded machine's good pages answer within these."""
SMALL = ProcessLimits(renderer=300 * MIB, main=900 * MIB, together=2000 * MIB, every=0.05)
"""Bounds that a hostile page meets soon, and a good one never."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hostile() -> AsyncIterator[HostileSite]:
    """The hostile pages, and good ones."""
    async with hostile_site(more=ALL) as running:
        yield running


def _visitor(browser: Browser, folder: Path, limits: VisitLimits = ROOMY) -> BrowserVisitor:
    return BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets(), limits=limits)


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, tmp_path: Path) -> AsyncIterator[BrowserVisitor]:
    """A visitor in the module's browser, which outlives it."""
    yield _visitor(browser, tmp_path)
    for context in (await browser.ready()).browser.contexts:
        await context.close()


ENDS = [
    # page, and what becomes of it, in words, where it is certain on a busy machine
    ("/frames", "too_large: too many frames"),
    ("/web-socket", ""),
    ("/console-huge", ""),
    ("/windows", ""),
    ("/service-worker", ""),
]


@pytest.mark.parametrize(
    ("isolation", "pages"), [("crawl", ENDS), ("page", ENDS[:1]), ("clean", ENDS)], ids=["crawl", "page", "clean"]
)
async def test_each_costs_itself_alone(
    visitor: BrowserVisitor, hostile: HostileSite, isolation: str, pages: list[tuple[str, str]]
):
    """Beside each of these pages all nine good ones are good."""
    problems = []
    for path, ending in pages:
        # The pages themselves end soon; a loaded machine needs the time for the good ones.
        found = await visit_together(visitor, hostile.origin, path, isolation=isolation, in_flight=3, timeout=40)
        problems += [f"{path}: {harmed}" for harmed in found.harmed]
        if ending not in found.hostile:
            problems.append(f"{path} ended as {found.hostile}")
    assert problems == []


async def test_who_spends_is_who_fails(visitor: BrowserVisitor, hostile: HostileSite):
    """In a shared context a page that loads without end is too large, and the slow ones beside it are good."""
    config = crawl(**SHARED, settle={"quiet": 4, "at_most": 10})
    pages = ("/eats", "/good-late?a", "/good-late?b")
    eater, *others = await asyncio.gather(*(visitor.visit(hostile.origin + path, config) for path in pages))
    assert eater.failure is not None
    assert (eater.failure.reason, eater.failure.retry) == (Reason.TOO_LARGE, False)
    assert [other.failure for other in others] == [None, None]


async def test_nothing_goes_on_after_its_visit(visitor: BrowserVisitor, browser: Browser, hostile: HostileSite):
    """A page that loads on when its visit has ended gets nothing: its tab is emptied. No later visit is blamed."""
    ended = await visitor.visit(hostile.origin + "/eats-later", crawl(**SHARED))
    assert ended.failure is None
    context = (await browser.ready()).browser.contexts[-1]
    await until(lambda: {page.url for page in context.pages} == {"about:blank"})
    before = len(hostile.seen)
    late = await visitor.visit(hostile.origin + "/good-late?after", crawl(**SHARED))
    assert late.failure is None
    assert [request.path for request in hostile.seen[before:] if "chunk" in request.path] == []
    # Taken again at once, the tab leaves the page with the next one's arrival; what it loads until then is nobody's.
    await visitor.visit(hostile.origin + "/eats-later?again", crawl(**SHARED))
    assert (await visitor.visit(hostile.origin + "/good-late?at-once", crawl(**SHARED))).failure is None


async def test_a_tab_that_its_last_page_holds(visitor: BrowserVisitor, hostile: HostileSite):
    """A page that does not let its tab go costs the next visit neither its result nor its time-out."""
    config = crawl(**SHARED)
    assert (await visitor.visit(hostile.origin + "/unload", config)).failure is None
    start = time.monotonic()
    assert (await visitor.visit(hostile.origin + "/good?held", config)).failure is None
    assert time.monotonic() - start < config.timeout / 2
    # A page that is slow by itself is not visited twice, whatever was in its tab before.
    await visitor.visit(hostile.origin + "/good?before", config)
    before = len(hostile.seen)
    slow = await visitor.visit(hostile.origin + "/silent?after", crawl(**SHARED | {"timeout": 3}))
    assert slow.failure is not None
    assert slow.failure.reason is Reason.TIMEOUT
    assert [request.path for request in hostile.seen[before:]] == ["/silent?after"]


async def test_what_the_door_alone_knows_of_is_paid_apart(browser: Browser, hostile: HostileSite, tmp_path: Path):
    """Bytes that no tab is seen to load cost the shared context; each visit is then made again in one of its own."""
    # The proxy counts what a page sends too, which the browser's protocol does not.
    visitor = _visitor(browser, tmp_path, replace(ROOMY, size=6 * MIB))
    config = crawl(**SHARED, settle={"quiet": 4, "at_most": 10})
    pages = ("/uploads", "/good-late?c", "/good-late?d")
    sender, *others = await asyncio.gather(*(visitor.visit(hostile.origin + path, config) for path in pages))
    assert sender.failure is not None
    assert sender.failure.reason is Reason.TOO_LARGE
    assert [other.failure for other in others] == [None, None]


@pytest.mark.parametrize("path", ["/forges", "/stands-in"])
async def test_a_page_does_not_answer_for_the_reader(visitor: BrowserVisitor, hostile: HostileSite, path: str):
    """A page that replaced what scripts use, or put its elements in their place, is read as it is."""
    found = await visitor.visit(hostile.origin + path, crawl(**SHARED, extract={"p": "p"}, ignore=(".ad",)))
    assert found.failure is None
    assert (found.title, found.fields["p"]) == ("A page", "text")
    assert found.text is not None
    assert found.text.startswith("text")
    assert found.final_url == hostile.origin + path
    assert found.console_errors == 0
    assert 0 < (found.size or 0) < 10_000


async def test_counts_are_the_browsers_own(visitor: BrowserVisitor, hostile: HostileSite):
    """Errors and bytes are counted by the browser's protocol: of frames too, and anew for each visit of a tab."""
    config = crawl(**SHARED, settle={"quiet": 3, "at_most": 10})
    for _ in range(2):
        noisy = await visitor.visit(hostile.origin + "/noisy", crawl(**SHARED))
        assert noisy.console_errors == 3
        parts = await visitor.visit(hostile.origin + "/good-script", config)
        assert 4 * MIB < (parts.size or 0) < 5 * MIB
        assert parts.console_errors == 0


async def test_memory_costs_its_own_page(hostile: HostileSite, tmp_path: Path):
    """A page that takes too much memory ends as crashed, in words; its neighbour is good, and the browser lives."""
    browser = new_browser(processes=SMALL)
    visitor = _visitor(browser, tmp_path)
    try:
        config = crawl(**SHARED, settle={"quiet": 1, "at_most": 4})
        pages = ("/memory", "/good-late?m")
        greedy, other = await asyncio.gather(*(visitor.visit(hostile.origin + path, config) for path in pages))
        assert greedy.failure is not None
        assert (greedy.failure.reason, greedy.failure.retry) == (Reason.PAGE_CRASHED, False)
        assert "300 MiB of memory" in greedy.failure.detail
        assert sum(request.path == "/memory" for request in hostile.seen) == 1  # its renderer was its own
        assert other.failure is None
        assert browser.launches == 1
    finally:
        await visitor.close()


async def test_a_killed_browser_charges_no_neighbour(hostile: HostileSite, tmp_path: Path):
    """Visits whose browser is killed under them are made again, one at a time; only one that was alone is a fault."""
    browser = new_browser()
    visitor = _visitor(browser, tmp_path)
    try:
        live = await browser.ready()
        visits = [asyncio.ensure_future(visitor.visit(hostile.origin + f"/good-late?k{n}", crawl())) for n in range(2)]
        await until(lambda: sum("good-late?k" in request.path for request in hostile.seen) == 2)
        os.killpg(live.group, signal.SIGKILL)
        assert [found.failure for found in await asyncio.gather(*visits)] == [None, None]
        assert browser.launches == 2
        alone = asyncio.ensure_future(visitor.visit(hostile.origin + "/silent", crawl()))
        live = await browser.ready()
        await until(lambda: [one.path for one in hostile.seen][-1:] == ["/silent"])
        os.killpg(live.group, signal.SIGKILL)
        with pytest.raises(BrowserFaultError) as raised:
            await alone
        assert not isinstance(raised.value, MemorySpentError)
    finally:
        await visitor.close()


async def test_a_busy_browser_is_no_pages_fault(hostile: HostileSite, tmp_path: Path):
    """A browser that answers late is not killed; visits in it that got no answer are made again, each alone."""
    browser = new_browser(late=0.3, probe=20)
    visitor = _visitor(browser, tmp_path)
    try:
        live = await browser.ready()
        pages = [f"/good-late?busy{number}" for number in range(2)]
        visits = [asyncio.ensure_future(visitor.visit(hostile.origin + path, crawl(timeout=8))) for path in pages]
        await until(lambda: {request.path for request in hostile.seen} >= set(pages))
        os.killpg(live.group, signal.SIGSTOP)
        await asyncio.sleep(9.5)
        assert not any(visit.done() for visit in visits)
        os.killpg(live.group, signal.SIGCONT)
        assert [found.failure for found in await asyncio.gather(*visits)] == [None, None]
        assert browser.launches == 1
        assert sum("?busy" in request.path for request in hostile.seen) == 4
    finally:
        await visitor.close()


async def test_a_browser_that_was_busy_meanwhile_is_no_pages_fault(hostile: HostileSite, tmp_path: Path):
    """A browser that was late while pages gave no answer, and is not any more: they are made again, each alone."""
    browser = new_browser(late=1.0)
    visitor = _visitor(browser, tmp_path)
    try:
        live = await browser.ready()
        for stopped in (False, True):
            before = live.lateness.times
            pages = [f"/silent?{stopped}{number}" for number in range(2)]
            visits = [asyncio.ensure_future(visitor.visit(hostile.origin + path, crawl(timeout=3))) for path in pages]
            await until(lambda pages=pages: {request.path for request in hostile.seen} >= set(pages))
            if stopped:
                os.killpg(live.group, signal.SIGSTOP)
                await until(lambda before=before: live.lateness.times > before)
                os.killpg(live.group, signal.SIGCONT)
            for found in await asyncio.gather(*visits):
                assert found.failure is not None
                assert found.failure.reason is Reason.TIMEOUT
            was_late = live.lateness.times > before  # a loaded machine's browser may be late by itself
            assert was_late or not stopped
            assert sum(request.path in pages for request in hostile.seen) == (4 if was_late else 2)
        assert browser.launches == 1
    finally:
        await visitor.close()


async def test_a_context_that_does_not_close(hostile: HostileSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It costs its visit no result and its neighbour nothing; the browser is replaced, and ends when it is unused."""
    browser = new_browser()
    visitor = _visitor(browser, tmp_path, replace(ROOMY, close=0.5))
    try:
        live = await browser.ready()
        neighbour = asyncio.ensure_future(visitor.visit(hostile.origin + "/trickle", crawl(timeout=4)))
        await until(lambda: [one.path for one in hostile.seen][-1:] == ["/trickle"])
        with monkeypatch.context() as patched:
            patched.setattr(BrowserContext, "close", lambda _: asyncio.Event().wait())
            assert (await visitor.visit(hostile.origin + "/good?w", crawl(isolation="page"))).failure is None
            await asyncio.sleep(0.6)
        assert (await visitor.visit(hostile.origin + "/good?x", crawl())).failure is None
        assert browser.launches == 2
        found = await neighbour
        assert found.failure is not None
        assert found.failure.reason is Reason.TIMEOUT
        await until(lambda: not [p for p in list(guardian.processes()) if p.group == live.group and not p.zombie])
    finally:
        await visitor.close()
