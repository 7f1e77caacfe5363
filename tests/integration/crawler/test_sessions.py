"""The session of an ordered task, and its checkpoint."""

import json
import os
import signal
from pathlib import Path

import pytest

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser
from support.hostile import HostileSite
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser.errors import BrowserDiedError
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_checkpoint_carries_the_session_to_another_browser(site: HostileSite, tmp_path: Path):
    """A session's state survives JSON and opens a new browser's session; the crawl's own secrets are not in it."""
    state = None
    texts = []
    secrets = KnownSecrets(values={"SESSION": "c00kie"})
    for _ in range(2):
        browser = new_browser()
        visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(tmp_path), secrets=secrets, limits=LIMITS)
        config = crawl(ordered=True, cookies=[{"name": "sid", "value": "${secret:SESSION}"}])
        session = await visitor.open_session(config, state)
        await session.visit(site.origin + "/good")
        texts += [(await session.visit(site.origin + "/counter")).text for _ in range(2)]
        state = json.loads(json.dumps(await session.state()))
        await session.close()
        await browser.close()
    assert texts == ["n=1", "n=2", "n=3", "n=4"]
    assert "seen=yes" in site.headers_of("/good")["cookie"]
    assert "sid=c00kie" in site.headers_of("/good")["cookie"]
    assert "c00kie" not in repr(state)


async def test_session_of_a_dead_browser_ends(site: HostileSite, tmp_path: Path):
    """A session whose browser died raises, and one opened from its last checkpoint goes on in the next browser."""
    browser = new_browser()
    visitor = BrowserVisitor(browser, artifacts=DirectoryArtifacts(tmp_path), secrets=KnownSecrets(), limits=LIMITS)
    try:
        session = await visitor.open_session(crawl(ordered=True))
        assert (await session.visit(site.origin + "/counter")).text == "n=1"
        state = await session.state()
        os.killpg((await browser.ready()).group, signal.SIGKILL)
        with pytest.raises(BrowserDiedError):
            await session.visit(site.origin + "/counter")
        await session.close()
        again = await visitor.open_session(crawl(ordered=True), state)
        assert (await again.visit(site.origin + "/counter")).text == "n=2"
        await again.close()
    finally:
        await browser.close()
