"""Frames of other sites are read where the crawl wants them, each by itself, and bounded."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser
from support.hostile import HostileSite, Page, hostile_site, page
from trapline_common.config.fingerprint import fingerprint
from trapline_common.domain.observation import Reason
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser.profiles import MACHINE
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]

INNER = {
    "/inner": page("<p>opening <b class=n>7</b> <i class=ad>ad</i></p>"),
    "/outer": page("<p>outer</p><iframe src=/inner></iframe>"),
    "/late": page("<script>setTimeout(() => document.body.append('late'), 60)</script>"),
    # It changes until it computes for ever: whoever waits for its rest meets that
    "/stuck": page(
        "stuck<script>setInterval(() => document.body.append('.'), 20); setTimeout(() => { for (;;); }, 1500)</script>"
    ),
    # From its end on it computes for ever: in a process of its own that holds up nobody else
    "/stuck-at-once": page("stuck<script>addEventListener('load', () => setTimeout(() => { for (;;); }))</script>"),
    **{f"/n{number}": page(f"<p>{number}</p>") for number in range(25)},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def board() -> AsyncIterator[HostileSite]:
    """The site that frames documents of two others: by its port one is of the same process, by its address not."""
    async with (
        hostile_site(more=INNER) as near,
        hostile_site(more=INNER, address="127.0.0.2") as far,
        hostile_site(more=_boards(near.origin, far.origin)) as running,
    ):
        yield running


def _boards(port: str, name: str) -> dict[str, Page]:
    many = "".join(f"<iframe src={port}/n{number}></iframe>" for number in range(25))
    return {
        "/port": page(f"<h1>Board</h1><iframe src={port}/inner></iframe>"),
        "/name": page(f"<h1>Board</h1><iframe src={name}/inner></iframe>"),
        "/nested": page(f"<h1>Board</h1><iframe src={name}/outer></iframe>"),
        "/late": page(f"<h1>Board</h1><iframe src={name}/late></iframe>"),
        "/sandboxed": page("<h1>Board</h1><iframe sandbox srcdoc='<p>alone</p>'></iframe>"),
        "/unseen": page(
            f"<h1>Board</h1><iframe src={port}/inner style='display: none'></iframe>"
            f"<iframe src={name}/inner width=1 height=1></iframe>"
        ),
        "/stuck": page(f"<h1>Board</h1><iframe src={name}/stuck></iframe><iframe src={port}/inner></iframe>"),
        "/stuck-apart": page(
            f"<h1>Board</h1><iframe src={name}/stuck-at-once></iframe><iframe src={port}/inner></iframe>"
        ),
        "/many": page(f"<h1>Board</h1>{many}"),
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/port", "Board\nopening 7 ad"),
        ("/name", "Board\nopening 7 ad"),
        ("/nested", "Board\nouter\nopening 7 ad"),
        ("/late", "Board\nlate"),
        ("/sandboxed", "Board\nalone"),
        ("/unseen", "Board"),
    ],
)
async def test_a_frame_of_another_site_is_read(new_visitor: NewVisitor, board: HostileSite, path: str, text: str):
    """In its process or another, with the frames in it, once it rests; not one that no person sees."""
    found = await new_visitor().visit(board.origin + path, crawl(frames="all"))
    assert (found.failure, found.text, found.note) == (None, text, None)


@pytest.mark.parametrize("path", ["/port", "/name", "/sandboxed"])
async def test_it_is_left_out_where_the_crawl_says_nothing(new_visitor: NewVisitor, board: HostileSite, path: str):
    """An advertisement that changes with each visit is no change of the page."""
    found = await new_visitor().visit(board.origin + path, crawl())
    assert (found.failure, found.text) == (None, "Board")


@pytest.mark.parametrize("path", ["/port", "/name"])
async def test_selectors_match_in_it_as_in_the_page(new_visitor: NewVisitor, board: HostileSite, path: str):
    """``watch``, ``extract`` and ``ignore`` look in each frame; what none has is told as ever."""
    named: dict[str, Any] = {"watch": "p", "extract": {"n": ".n", "head": "h1"}, "ignore": [".ad"]}
    found = await new_visitor().visit(board.origin + path, crawl(frames="all", **named))
    assert (found.failure, found.text, found.fields) == (None, "opening 7", {"n": "7", "head": "Board"})
    found = await new_visitor().visit(board.origin + path, crawl(frames="all", watch="#nowhere"))
    assert found.failure is not None
    assert (found.failure.reason, found.failure.detail) == (Reason.SELECTOR, 'watch: nothing matches "#nowhere"')


async def test_one_that_does_not_answer_costs_frames_alone(new_visitor: NewVisitor, board: HostileSite):
    """One that computes for ever, in the process of all: the page was read before, and the note says the rest."""
    began = time.monotonic()
    found = await new_visitor().visit(board.origin + "/stuck", crawl(frames="all", timeout=30))
    assert (found.failure, found.text) == (None, "Board")
    assert "without some frames" in (found.note or "")
    assert time.monotonic() - began < 20


async def test_frames_that_other_processes_show(board: HostileSite, store: DirectoryArtifacts):
    """A browser that gives each site a process, as Chromium with a window does: one that is stuck costs itself."""
    apart = new_browser(profile=replace(MACHINE, switches=("--site-per-process",)))
    try:
        visitor = BrowserVisitor(apart, artifacts=store, secrets=KnownSecrets(values={}), limits=LIMITS)
        found = await visitor.visit(board.origin + "/nested", crawl(frames="all"))
        assert (found.failure, found.text, found.note) == (None, "Board\nouter\nopening 7 ad", None)
        found = await visitor.visit(board.origin + "/stuck-apart", crawl(frames="all", timeout=30))
        assert (found.failure, found.text) == (None, "Board\nopening 7 ad")
        assert "without some frames" in (found.note or "")
    finally:
        await apart.close()


async def test_no_more_than_twenty_are_read(new_visitor: NewVisitor, board: HostileSite):
    """A page of frames costs what twenty cost, and says so."""
    found = await new_visitor().visit(board.origin + "/many", crawl(frames="all", timeout=30))
    assert found.failure is None
    assert (found.text or "").split() == ["Board", *map(str, range(20))]
    assert "without some frames" in (found.note or "")


async def test_another_choice_is_another_baseline():
    """A crawl that begins to read frames tells no change; one that says nothing keeps its baselines."""
    assert fingerprint(crawl(frames="all")) != fingerprint(crawl())
    assert fingerprint(crawl(frames="same_origin")) == fingerprint(crawl())
