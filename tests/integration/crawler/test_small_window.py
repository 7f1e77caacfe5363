"""A tab's window is painted small, and no page, step or picture is any different for it."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import expect

from support.crawling import LIMITS, KnownSecrets, crawl, new_browser, until
from support.hostile import HostileSite, Page, hostile_site, page
from trapline_common.domain.observation import Observation
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser import tab_meter
from trapline_crawler.browser.profiles import MACHINE, MULTI, Profile
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.page_pool import PagePool
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio

WHOLE = {"width": 1280, "height": 720}
APART = replace(MACHINE, name="a process for each site", switches=("--site-per-process",))
PROFILES = pytest.mark.parametrize("profile", [MACHINE, APART, MULTI], ids=lambda profile: profile.name)
LINES = "".join(f"<p id=p{number} style='height: 80px'>line {number}</p>" for number in range(60))
# What a page can learn of its window, of what a person would see of it, and of what the browser loads and draws for it
REPORTS = """<pre id=report></pre><script>
  const shown = {}, near = new Set(), skipped = {};
  let frames = 0, resized = 0;
  (function frame() { frames += 1; requestAnimationFrame(frame); })();
  addEventListener("resize", () => { resized += 1; });
  new IntersectionObserver((all) => { for (const { target, intersectionRatio, rootBounds } of all) {
    shown[target.id] = [intersectionRatio, rootBounds?.width, rootBounds?.height];
  } }, { threshold: [0, 0.5, 1] }).observe(document.querySelector("#p8"));
  const watch = new IntersectionObserver((all) => { for (const { target, isIntersecting } of all) {
    if (isIntersecting) near.add(target.id);
  } }, { rootMargin: "300px" });
  for (const one of document.querySelectorAll("p")) watch.observe(one);
  for (const one of document.querySelectorAll(".auto")) {
    one.addEventListener("contentvisibilityautostatechange", (event) => { skipped[one.id] = event.skipped; });
  }
  const at = (x, y) => document.elementFromPoint(x, y)?.id ?? null;
  const tell = () => { document.querySelector("#report").textContent = JSON.stringify({
    draws: frames > 3, resized: top === window && resized, shown, near: [...near].sort(), skipped,
    window: [innerWidth, innerHeight, outerWidth, outerHeight, devicePixelRatio, screenX, screenY],
    screen: [screen.width, screen.height, screen.availWidth, screen.availHeight, screen.orientation.type],
    view: [visualViewport.width, visualViewport.height, visualViewport.scale, visualViewport.offsetTop],
    page: [document.documentElement.clientWidth, document.documentElement.clientHeight],
    hit: [at(5, 5), at(10, 700), at(900, 400), at(1279, 719)],
    is: [document.visibilityState, document.hasFocus(), matchMedia("(width: 1280px) and (height: 720px)").matches],
    loaded: performance.getEntriesByType("resource").map((one) => new URL(one.name).pathname).sort(),
    painted: performance.getEntriesByType("paint").map((one) => one.name),
  }); };
  addEventListener("load", () => setTimeout(tell, 2000));
</script>"""
AUTO = "<div class=auto id={0} style='content-visibility: auto; contain-intrinsic-size: 90px 90px'>{0}</div>"
PICTURE = "<img loading=lazy width=20 height=20 style='position: absolute; top: {0}px' src=/picture/{0}>"
INNER = page(f"{LINES}{AUTO.format('inner')}{REPORTS}")


def _outer(inner: str) -> Page:
    frame = "<iframe id=frame src={0}/inner style='position: absolute; left: 800px; top: {1}px; width: 400px'></iframe>"
    pictures = "".join(PICTURE.format(top) for top in (100, 900, 4000, 40_000))
    moving = "<style>@keyframes m { to { left: 600px } } #m { position: absolute; animation: m 1s infinite }</style>"
    body = f"{moving}<div id=m>moves</div>{frame.format(inner, 300)}{AUTO.format('first')}{LINES}"
    return page(f"{body}{pictures}{AUTO.format('last')}{REPORTS}")


@asynccontextmanager
async def _site() -> AsyncIterator[HostileSite]:
    async with (
        hostile_site(more={"/inner": INNER}, address="127.0.0.2") as far,
        hostile_site(more={"/": _outer(far.origin)}) as near,
    ):
        yield near


@asynccontextmanager
async def _browser(profile: Profile) -> AsyncIterator[Browser]:
    browser = new_browser(profile=profile)
    try:
        yield browser
    finally:
        await browser.close()


async def _painted(pool: PagePool, url: str) -> tuple[int, int]:
    """Return the size of what the browser paints of a page, as its screencast has it."""
    pooled = await pool.take()
    pool.proxy.allow(LIMITS.size)
    await pooled.page.goto(url)
    frame: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    pooled.session.on("Page.screencastFrame", lambda event: frame.done() or frame.set_result(event))
    await pooled.session.send("Page.startScreencast", {"format": "png"})
    png = base64.b64decode((await asyncio.wait_for(frame, 20))["data"])
    await pooled.session.send("Page.stopScreencast")
    await pool.give_back(pooled, reusable=True)
    width, height = struct.unpack_from(">II", png, 16)
    return width, height


@PROFILES
async def test_a_tab_is_painted_small(profile: Profile):
    """On every page that it shows, whether that is of another site, or a picture was taken before."""
    async with _site() as site, hostile_site(address="127.0.0.2") as other, _browser(profile) as browser:
        pool = await PagePool.open(await browser.ready(), crawl(isolation="crawl"), LIMITS, shared=True)
        try:
            small = tab_meter.PAINTED["width"], tab_meter.PAINTED["height"]
            assert await _painted(pool, site.origin) == small
            assert await _painted(pool, f"{other.origin}/good") == small
            pooled = await pool.take()
            await pooled.page.screenshot(full_page=True)
            await pool.give_back(pooled, reusable=True)
            assert await _painted(pool, site.origin) == small
        finally:
            await pool.close()


async def _visited(profile: Profile, store: DirectoryArtifacts) -> list[Observation]:
    async with _site() as site, _browser(profile) as browser:
        visitor = BrowserVisitor(browser, artifacts=store, secrets=KnownSecrets(values={}), limits=LIMITS)
        forms: list[dict[str, Any]] = [
            {"frames": "all"},
            {"screenshot": "viewport"},
            {"screenshot": "full_page", "visual": {}},
        ]
        rests = {"quiet": 2.5, "at_most": 15}
        return await asyncio.gather(*(visitor.visit(site.origin, crawl(settle=rests, **form)) for form in forms))


@PROFILES
async def test_a_click_meets_its_element(profile: Profile):
    """Wherever a person would see it: in the page, and after scrolling."""
    async with _site() as site, _browser(profile) as browser:
        pool = await PagePool.open(await browser.ready(), crawl(), LIMITS)
        pooled = await pool.take()
        pool.proxy.allow(LIMITS.size)
        await pooled.page.goto(site.origin)
        for where in (pooled.page.locator("#p5"), pooled.page.locator("#p50")):
            await where.evaluate("one => one.addEventListener('click', () => one.append(' was clicked'))")
            await where.click(timeout=20_000)
            await expect(where).to_contain_text("was clicked")
        await pool.close()


@pytest.mark.parametrize("form", ["before", "steps"])
async def test_a_step_clicks_on_a_frame_of_another_process(form: str, store: DirectoryArtifacts):
    """Beyond what is painted of the windows of other visits: before a page is read, and in a log-in."""
    inner = page("<style>html { height: 100% }</style><script>onclick = () => fetch('/clicked')</script>")
    async with hostile_site(more={"/inner": inner}, address="127.0.0.2") as far:
        frame = f"<iframe id=frame src={far.origin}/inner style='position: absolute; left: 800px; top: 400px'></iframe>"
        async with hostile_site(more={"/": page(f"Board{frame}")}) as near, _browser(APART) as browser:
            visitor = BrowserVisitor(browser, artifacts=store, secrets=KnownSecrets(values={}), limits=LIMITS)
            if form == "before":
                found = await visitor.visit(near.origin, crawl(before=[{"click": "#frame"}]))
                assert found.failure is None
            else:
                await visitor.log_in(near.origin, crawl(steps=[{"goto": near.origin}, {"click": "#frame"}]))
            await until(lambda: "/clicked" in [request.path for request in far.seen])


@PROFILES
async def test_nothing_is_different_in_it(
    profile: Profile, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    """Not what a page or a frame of another site learns, loads or draws, nor a picture of it."""
    small = await _visited(profile, DirectoryArtifacts(tmp_path_factory.mktemp("small")))
    monkeypatch.setattr(tab_meter, "PAINTED", WHOLE)
    whole = await _visited(profile, DirectoryArtifacts(tmp_path_factory.mktemp("whole")))
    for one, other in zip(small, whole, strict=True):
        assert one.failure is None
        assert '"draws":true' in (one.text or "")
        assert one.text == other.text
        assert one.screenshot == other.screenshot
    assert len({one.screenshot for one in small}) == 3  # none, of the window, of the whole page
