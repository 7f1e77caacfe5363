"""A company's own certificate authority is trusted where it is named, and vouches for no more than it signed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser
from support.gates import loopback_gate
from support.hostile import hostile_site
from support.own_authority import Authority
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.observation import Reason
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.visit.visitor import BrowserVisitor

OURS = Authority.made("Ours")


@pytest.fixture
async def visitor(store: DirectoryArtifacts) -> AsyncIterator[BrowserVisitor]:
    """A visitor whose browser trusts our authority."""
    gate = loopback_gate()
    gate.certificates = (Authority.made("Another").der, OURS.der)
    browser = new_browser(gate=gate)
    yield BrowserVisitor(browser, artifacts=store, secrets=KnownSecrets(values={}), limits=LIMITS)
    await browser.close()


async def test_what_the_authority_signed_is_visited_and_nothing_else(visitor: BrowserVisitor, tmp_path: Path) -> None:
    """A good certificate of ours opens the page; an expired one, one for another host and a stranger's do not."""
    strangers = Authority.made("Ours")
    for tls, reason in (
        (OURS.server(tmp_path), None),
        (OURS.server(tmp_path, days=-1), Reason.TLS),
        (OURS.server(tmp_path, address="127.0.0.9"), Reason.TLS),
        (strangers.server(tmp_path, days=19), Reason.TLS),
    ):
        async with hostile_site(tls) as site:
            found = await visitor.visit(site.origin + "/good", crawl())
        assert (found.failure.reason if found.failure else None) == reason


async def test_without_its_name_it_is_a_stranger(store: DirectoryArtifacts, tmp_path: Path) -> None:
    """The same server for a browser that was told of no authority."""
    browser = new_browser()
    visitor = BrowserVisitor(browser, artifacts=store, secrets=KnownSecrets(values={}), limits=LIMITS)
    try:
        async with hostile_site(OURS.server(tmp_path)) as site:
            found = await visitor.visit(site.origin + "/good", crawl())
    finally:
        await browser.close()
    assert found.failure is not None
    assert found.failure.reason is Reason.TLS


async def test_sitemaps_and_robots_files_are_fetched_with_it_too(tmp_path: Path) -> None:
    """What is fetched beside the browser trusts the same authorities."""
    gate = loopback_gate()
    async with hostile_site(OURS.server(tmp_path)) as site:
        with pytest.raises(InputRefusedError, match="certificate refused"):
            await HttpFetch(gate=gate)(site.origin + "/good")
        gate.certificates = (OURS.der,)
        assert (await HttpFetch(gate=gate)(site.origin + "/good")).body
