"""No picture shows a secret, whatever paints it; and pages that only hold one are photographed."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from support.crawling import crawl
from support.painted_ways import UNSEEN, WAYS
from support.secret_site import SecretSite
from trapline_common.domain.observation import Observation
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
KEY = "sk_live_51H8xAbCdEfGhIjKl="
AT_ONCE = 4


@pytest.fixture(scope="module")
def site() -> Iterator[SecretSite]:
    """Every way, and every page that paints nothing, at a path of its own."""
    pages = {f"/way/{name}": body for name, body in WAYS.items()}
    pages |= {f"/unseen/{name}": body for name, body in UNSEEN.items()}
    with SecretSite(pages) as running, SecretSite({}, host="127.0.0.2") as far:
        running.show_frames_of(far)
        yield running


async def visited(visitor: BrowserVisitor, site: SecretSite, names: list[str], folder: str) -> dict[str, Observation]:
    """Visit the pages, some at once, in one context."""
    config = crawl(headers={"X-Key": "${secret:K}"}, screenshot="full_page", isolation="crawl", settle={"quiet": 0.1})
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> tuple[str, Observation]:
        async with turns:
            return name, await visitor.visit(f"{site.url}/{folder}/{name}", config)

    return dict(await asyncio.gather(*map(one, names)))


async def test_no_way_of_painting_gets_into_a_picture(new_visitor: NewVisitor, site: SecretSite):
    """More than fifty ways; each page is a good visit all the same."""
    found = await visited(new_visitor(K=KEY), site, list(WAYS), "way")
    assert {name for name, seen in found.items() if seen.failure is not None} == set()
    assert {name for name, seen in found.items() if seen.screenshot is not None} == set()


async def test_what_is_not_painted_costs_no_picture(new_visitor: NewVisitor, site: SecretSite):
    """A value in a hidden field, a script or an attribute that nothing shows is in no picture."""
    found = await visited(new_visitor(K=KEY), site, list(UNSEEN), "unseen")
    assert {name for name, seen in found.items() if seen.screenshot is None} == set()


async def test_without_secrets_nothing_is_looked_for(new_visitor: NewVisitor, site: SecretSite):
    """A crawl that refers to no secret photographs a canvas as well."""
    config = crawl(screenshot="full_page")
    found = await new_visitor().visit(f"{site.url}/way/a canvas", config)
    assert found.screenshot is not None
