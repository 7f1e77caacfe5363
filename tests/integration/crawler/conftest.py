"""A real browser, a hostile site, and visitors."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from support.crawling import LIMITS, KnownSecrets, new_browser
from support.hostile import HostileSite, hostile_site
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.visitor import BrowserVisitor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for a module's tests."""
    found = new_browser()
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[HostileSite]:
    """The hostile site."""
    async with hostile_site() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other_site() -> AsyncIterator[HostileSite]:
    """The same pages at another origin."""
    async with hostile_site() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> DirectoryArtifacts:
    """An empty artifact directory."""
    return DirectoryArtifacts(tmp_path / "artifacts")


@pytest_asyncio.fixture(loop_scope="module")
async def new_visitor(browser: Browser, store: DirectoryArtifacts) -> AsyncIterator[Callable[..., BrowserVisitor]]:
    """Make visitors in the module's browser, which outlives them; contexts still open at the test's end are closed."""

    def make(limits: VisitLimits = LIMITS, **secrets: str) -> BrowserVisitor:
        return BrowserVisitor(browser, artifacts=store, secrets=KnownSecrets(values=secrets), limits=limits)

    yield make
    if browser.launches:
        for context in (await browser.ready()).browser.contexts:
            await context.close()
