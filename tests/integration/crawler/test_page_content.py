"""What a good visit brings back."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from support.crawling import LIMITS, KnownSecrets, crawl
from support.hostile import HostileSite
from trapline_common.content.text import content_hash
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.observation import Reason
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit import kept_artifacts
from trapline_crawler.visit.kept_artifacts import BackingOffStore
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]
PNG = b"\x89PNG"


async def test_good_visit(new_visitor: NewVisitor, site: HostileSite):
    """A good visit brings title, text, fields, hash, status, redirects, timings and size, and keeps nothing else."""
    config = crawl(extract={"price": "#price"}, ignore=[".ad"], expect={"fields": {"price": "< 50"}})
    found = await new_visitor().visit(site.origin + "/moved", config)
    assert found.failure is None
    assert (found.status, found.redirects, found.title) == (200, 2, "Good")
    assert (found.url, found.final_url) == (site.origin + "/moved", site.origin + "/good")
    assert found.text == "Good page\n$ 42.00\n/good"
    assert found.fields == {"price": "$ 42.00"}
    assert found.content_hash == content_hash(found.text, found.fields)
    assert found.size is not None
    assert found.size > 100
    times = found.timings
    assert times.ttfb is not None
    assert times.dom is not None
    assert times.load is not None
    assert times.total is not None
    assert 0 < times.ttfb <= times.dom <= times.load <= times.total
    assert found.screenshot is None
    assert found.html is None


async def test_watch_reads_only_what_it_names(new_visitor: NewVisitor, site: HostileSite):
    """``watch`` takes the text of what it matches, in the page's order, and no text twice."""
    found = await new_visitor().visit(site.origin + "/good", crawl(watch="#price, h1, body > #price"))
    assert found.text == "Good page\n$ 42.00"


async def test_ignoring_changes_nothing_in_the_page(
    new_visitor: NewVisitor, site: HostileSite, store: DirectoryArtifacts
):
    """Leaving elements out of the text leaves no trace in the page: the HTML kept afterwards is as it came."""
    found = await new_visitor().visit(site.origin + "/good", crawl(ignore=[".ad", "h1"], html="always"))
    assert found.text == "$ 42.00\n/good"
    assert found.html is not None
    html = await store.get(found.html)
    assert b"advert 17" in html
    assert b"style" not in html


async def test_patterns_leave_text_and_fields(new_visitor: NewVisitor, site: HostileSite):
    """``ignore`` patterns take text out of what is watched, extracted and expected alike, and out of the hash."""
    config = crawl(
        extract={"price": "#price"},
        ignore=[".ad", {"pattern": r"\.00$"}, {"pattern": "/go+d"}],
        expect={"fields": {"price": "== $ 42"}},
    )
    found = await new_visitor().visit(site.origin + "/good", config)
    assert found.failure is None
    assert (found.text, found.fields) == ("Good page\n$ 42", {"price": "$ 42"})
    assert found.content_hash == content_hash("Good page\n$ 42", {"price": "$ 42"})


async def test_late_content_needs_wait_for(new_visitor: NewVisitor, site: HostileSite):
    """What a script shows later is read when ``wait_for`` names it."""
    found = await new_visitor().visit(site.origin + "/late", crawl(wait_for="#late"))
    assert found.failure is None
    assert found.text == "shell\n$ 7"


async def test_restless_page_is_read_in_the_end(new_visitor: NewVisitor, site: HostileSite):
    """A page whose DOM never rests is read when ``settle.at_most`` has passed."""
    found = await new_visitor().visit(site.origin + "/restless", crawl(settle={"quiet": 0.2, "at_most": 0.6}))
    assert found.failure is None
    assert found.timings.total is not None
    assert found.timings.total >= 600


async def test_script_redirect_is_followed(new_visitor: NewVisitor, site: HostileSite):
    """A page that goes elsewhere by script while it settles is read where it ends."""
    found = await new_visitor().visit(site.origin + "/jump", crawl(settle={"quiet": 0.3}))
    assert found.failure is None
    assert found.final_url == site.origin + "/good"
    assert found.title == "Good"


async def test_console_errors_are_counted(new_visitor: NewVisitor, site: HostileSite):
    """Logged errors, uncaught exceptions and pictures that don't load count as console errors."""
    visitor = new_visitor()
    assert (await visitor.visit(site.origin + "/noisy", crawl())).console_errors == 3
    assert (await visitor.visit(site.origin + "/two-images", crawl())).console_errors == 2


@pytest.mark.parametrize(
    ("values", "reason", "detail"),
    [
        ({"watch": "#nowhere"}, Reason.SELECTOR, "watch: nothing matches"),
        ({"watch": "p["}, Reason.SELECTOR, "not valid CSS"),
        ({"extract": {"a": "#nowhere"}}, Reason.SELECTOR, "extract a: nothing matches"),
        ({"ignore": ["p["]}, Reason.SELECTOR, "ignore"),
        ({"wait_for": "#nowhere", "timeout": 1}, Reason.WAIT_FOR, "'#nowhere' never appeared"),
        ({"wait_for": "p["}, Reason.SELECTOR, "wait_for"),
        ({"expect": {"contains": "no such text"}}, Reason.EXPECTATION, "does not contain 'no such text'"),
        ({"expect": {"status": 404}}, Reason.HTTP_STATUS, "status 200, expected 404"),
        (
            {"extract": {"price": "#price"}, "expect": {"fields": {"price": "< 10"}}},
            Reason.EXPECTATION,
            "price: found '$ 42.00', expected < 10",
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
async def test_unmet_demand_fails_with_what_was_found(
    new_visitor: NewVisitor, site: HostileSite, values: dict[str, object], reason: Reason, detail: str
):
    """A demand of the crawl that is not met fails the visit, says which, and leaves a screenshot and the HTML."""
    found = await new_visitor().visit(site.origin + "/good", crawl(**values))
    assert found.failure is not None
    assert found.failure.reason is reason
    assert detail in found.failure.detail
    assert found.screenshot is not None
    assert found.html is not None


async def test_expected_error_status_is_good(new_visitor: NewVisitor, site: HostileSite):
    """A page that is expected to be missing is done when it is."""
    found = await new_visitor().visit(site.origin + "/404", crawl(expect={"status": 404}))
    assert found.failure is None


@pytest.mark.parametrize(
    "fault", [TransientError("PutObject: KMS.DisabledException"), RefusedError("no"), OSError(28, "")]
)
async def test_a_store_that_is_away_costs_the_picture_alone(
    browser: Browser, site: HostileSite, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """The visit is good with all that it read, once; screenshot and HTML are missing, and the log says why."""
    monkeypatch.setattr(kept_artifacts, "AGAIN_AFTER", 0.0)
    visitor = BrowserVisitor(
        browser, artifacts=BackingOffStore(AwayStore(fault)), secrets=KnownSecrets(), limits=LIMITS
    )
    with structlog.testing.capture_logs() as logs:
        found = await visitor.visit(site.origin + "/good", crawl(screenshot="viewport", html="always"))
    assert (found.failure, found.title, found.screenshot, found.html) == (None, "Good", None, None)
    assert found.text is not None
    assert [line["event"] for line in logs].count("evidence_missing") == 2


class AwayStore(DirectoryArtifacts):
    """Refuses everything."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(Path())
        self._fault = fault

    async def put(self, data: bytes, *, suffix: str) -> str:
        raise self._fault


async def test_screenshots(new_visitor: NewVisitor, site: HostileSite, store: DirectoryArtifacts):
    """A screenshot lies under the hash of its bytes, and has the viewport's width."""
    config = crawl(screenshot="full_page", viewport={"width": 640, "height": 400})
    found = await new_visitor().visit(site.origin + "/good", config)
    assert found.screenshot is not None
    data = await store.get(found.screenshot)
    assert data.startswith(PNG)
    assert int.from_bytes(data[16:20], "big") == 640
    digest = hashlib.sha256(data).hexdigest()
    assert found.screenshot == f"{digest[:2]}/{digest}.png"


async def test_long_text_is_hashed_whole_and_kept_in_part(new_visitor: NewVisitor, site: HostileSite):
    """Of a long text the beginning is kept, and a hash of the rest, while the content's hash covers all of it."""
    visitor = new_visitor(replace(LIMITS, text=8))
    found = await visitor.visit(site.origin + "/good", crawl(watch="h1, #path"))
    rest = hashlib.sha256(b"e\n/good").hexdigest()[:16]
    assert found.text == f"Good pag\n… 7 more characters, SHA-256 {rest}"
    assert found.content_hash == content_hash("Good page\n/good", {})


async def test_fresh_context_per_visit(new_visitor: NewVisitor, browser: Browser, site: HostileSite):
    """With ``isolation: page`` a visit sees nothing of the one before, and no context is left."""
    visitor = new_visitor()
    before = len((await browser.ready()).browser.contexts)
    config = crawl(isolation="page")
    assert [(await visitor.visit(site.origin + "/counter", config)).text for _ in range(2)] == ["n=1", "n=1"]
    assert len((await browser.ready()).browser.contexts) == before


async def test_shared_context_reuses_its_page(new_visitor: NewVisitor, browser: Browser, site: HostileSite):
    """With ``isolation: crawl`` visits share storage and one page, and another config gets a context of its own."""
    visitor = new_visitor()
    config = crawl(isolation="crawl")
    assert [(await visitor.visit(site.origin + "/counter", config)).text for _ in range(2)] == ["n=1", "n=2"]
    assert len((await browser.ready()).browser.contexts[-1].pages) == 1
    other = await visitor.visit(site.origin + "/counter", crawl(isolation="crawl", user_agent="other"))
    assert other.text == "n=1"
    assert site.headers_of("/counter")["user-agent"] == "other"


async def test_reused_page_is_replaced_after_its_share(new_visitor: NewVisitor, browser: Browser, site: HostileSite):
    """A reused page is closed after ``visits_per_page`` visits, so that its memory is given back."""
    visitor = new_visitor(replace(LIMITS, visits_per_page=1))
    assert (await visitor.visit(site.origin + "/good", crawl(isolation="crawl"))).failure is None
    assert (await browser.ready()).browser.contexts[-1].pages == []


async def test_too_many_bytes_in_parts(new_visitor: NewVisitor, site: HostileSite):
    """A page whose parts together are more than one visit may load is too large."""
    found = await new_visitor(replace(LIMITS, size=1000)).visit(site.origin + "/two-images", crawl())
    assert found.failure is not None
    assert found.failure.reason is Reason.TOO_LARGE


async def test_size_counts_what_other_origins_and_frames_sent(
    new_visitor: NewVisitor, site: HostileSite, other_site: HostileSite
):
    """The browser's own protocol says how much came, where the page's timings hide it."""
    site.redirect_to = other_site.origin + "/pixel.png"
    found = await new_visitor().visit(site.origin + "/foreign-image", crawl())
    assert found.size is not None
    assert found.size > len("<title>I</title><body>pic<img src=''>") + len("not a picture") + 150


async def test_look_up_and_connection_are_timed(new_visitor: NewVisitor, site: HostileSite):
    """The gate's look-up and dial are separate in the timings of a visit that made a connection."""
    found = await new_visitor().visit(site.origin + "/good?timed", crawl())
    assert found.timings.dns is not None
    assert found.timings.connect is not None
    assert found.timings.connect > 0
