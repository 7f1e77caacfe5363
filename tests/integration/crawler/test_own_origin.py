"""``block``, ``headers``, ``cookies`` and secrets: what leaves the browser, and to whom."""

from collections.abc import Callable

import pytest

from support.crawling import crawl
from support.hostile import HostileSite
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
SECRETS = {"TOKEN": "s3cr+t value", "SESSION": "c00kie"}
PRIVATE = {
    "headers": {"X-Token": "Bearer ${secret:TOKEN}"},
    "cookies": [{"name": "sid", "value": "${secret:SESSION}"}],
}


@pytest.mark.parametrize("isolation", ["page", "crawl"])
async def test_own_origin_gets_headers_and_cookies(new_visitor: NewVisitor, site: HostileSite, isolation: str):
    """The page's own origin gets the crawl's headers and cookies, secrets resolved, for the page and its parts."""
    visitor = new_visitor(**SECRETS)
    for _ in range(2):
        found = await visitor.visit(site.origin + "/two-images", crawl(isolation=isolation, **PRIVATE))
        assert found.failure is None
        for path in ("/two-images", "/pixel2.png", "/style.css"):
            assert site.headers_of(path)["x-token"] == "Bearer s3cr+t value"
            assert "sid=c00kie" in site.headers_of(path)["cookie"]


@pytest.mark.parametrize("path", ["/elsewhere", "/foreign-image"], ids=["redirect", "picture"])
async def test_other_origins_get_neither(
    new_visitor: NewVisitor, site: HostileSite, other_site: HostileSite, path: str
):
    """Another origin, even another port of the host, gets neither header nor cookie: not by redirect, not as a part."""
    site.redirect_to = other_site.origin + "/good?from=" + path
    found = await new_visitor(**SECRETS).visit(site.origin + path, crawl(**PRIVATE))
    assert found.failure is None
    assert site.headers_of(path)["x-token"] == "Bearer s3cr+t value"
    got = other_site.headers_of("/good?from=" + path)
    assert "x-token" not in got
    assert "c00kie" not in got.get("cookie", "")


async def test_blocked_types_are_not_loaded(new_visitor: NewVisitor, site: HostileSite):
    """Blocked resource types are never asked for, and the others are."""
    before = len(site.seen)
    found = await new_visitor().visit(site.origin + "/two-images", crawl(block=["image"]))
    assert found.failure is None
    assert {request.path for request in site.seen[before:]} == {"/two-images", "/style.css"}


async def test_missing_secret(new_visitor: NewVisitor, site: HostileSite):
    """A secret that can't be resolved fails the visit with its name, before anything is sent."""
    before = len(site.seen)
    found = await new_visitor(TOKEN="x").visit(site.origin + "/good", crawl(**PRIVATE))
    assert found.failure is not None
    assert (found.failure.reason, found.failure.retry) == (Reason.SECRET, False)
    assert "SESSION" in found.failure.detail
    assert len(site.seen) == before


async def test_no_secret_in_what_was_found(new_visitor: NewVisitor, site: HostileSite):
    """A page that shows a secret back does not get it into the observation."""
    config = crawl(**PRIVATE, expect={"contains": "${secret:SESSION} and more"})
    found = await new_visitor(**SECRETS).visit(site.origin + "/good", config)
    assert found.failure is not None
    assert found.failure.reason is Reason.EXPECTATION
    assert found.text is not None
    assert "sid=${secret:SESSION}" in found.text
    assert "c00kie" not in repr(found)
