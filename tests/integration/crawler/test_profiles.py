"""The profiles for Lambda on a real browser: what each can do, how one is selected, and the one-process fallback."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from support.crawling import KnownSecrets, crawl, new_browser
from support.hostile import HostileSite
from trapline_common.config.models import Isolation, Screenshot
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser import guardian
from trapline_crawler.browser.check import check_profiles
from trapline_crawler.browser.errors import BrowserFaultError, BrowserLaunchError
from trapline_crawler.browser.profile_selection import ProfileSelection
from trapline_crawler.browser.profiles import CANDIDATES, MULTI, SINGLE, Profile
from trapline_crawler.browser.self_test import self_test
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.visitor import BrowserVisitor
from trapline_crawler.visitors.browser_per_context import BrowserPerContextVisitor
from trapline_crawler.visitors.by_profile import ByProfileVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDS_AT_ONCE = Profile(name="ends at once", switches=("--version",), sandbox=False, many_contexts=True)
SHOWS_OTHER_COLOURS = Profile(
    name="other colours", switches=("--force-color-profile=color-spin-gamma24",), sandbox=False, many_contexts=True
)

_PROCESS_ONE = """
import asyncio, ctypes, os
from support.crawling import new_browser
from trapline_crawler.browser import guardian
from trapline_crawler.browser.check import check_profiles

async def main():
    # PR_SET_CHILD_SUBREAPER: orphans become its children, as for process 1
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
    browser = new_browser()
    live = await browser.ready()
    await live.browser.new_page()
    await browser.close()
    print(len([p for p in guardian.processes() if p.parent == os.getpid()]))

asyncio.run(main())
"""


class Browsers:
    """Makes browsers of a profile and remembers them."""

    def __init__(self) -> None:
        self.made: list[tuple[Profile, Browser]] = []

    def __call__(self, profile: Profile) -> Browser:
        self.made.append((profile, new_browser(profile=profile)))
        return self.made[-1][1]

    @property
    def launches(self) -> list[str]:
        return [profile.name for profile, browser in self.made for _ in range(browser.launches)]


def descendants() -> set[int]:
    """Return the processes below this one."""
    table = {p.pid: p for p in guardian.processes() if not p.zombie}
    found = {os.getpid()}
    while more := {pid for pid, p in table.items() if p.parent in found} - found:
        found |= more
    return found - {os.getpid()}


def owned(browser: Browser, folder: Path) -> BrowserVisitor:
    return BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets())


@pytest.mark.parametrize("profile", CANDIDATES, ids=lambda profile: profile.name)
async def test_profile_shows_a_page_and_starts_no_refused_process(profile: Profile):
    """Each profile for Lambda shows a page, with neither zygote nor GPU process; ``single`` has one process only."""
    browser = new_browser(profile=profile)
    try:
        try:
            await self_test(browser)
        except BrowserLaunchError:
            # A browser of one process dies at its start once in some hundred times; then a retry starts it again.
            assert profile is SINGLE
            await browser.close()
            browser = new_browser(profile=profile)
            await self_test(browser)
        group = (await browser.ready()).group
        commands = [p.command for p in guardian.processes() if p.group == group and not p.zombie]
        kinds = {kind for command in commands for kind in re.findall(r"--type=([a-z-]+)", command)}
        assert kinds <= (set() if profile is SINGLE else {"renderer"})
    finally:
        await browser.close()


async def test_single_holds_one_context():
    """A second context in a one-process browser fails, which is why every context gets a browser of its own there."""
    browser = new_browser(profile=SINGLE)
    try:
        await self_test(browser)
        with pytest.raises(BrowserFaultError):
            await self_test(browser)
    finally:
        await browser.close()


async def test_first_profile_that_works_is_chosen_and_kept():
    """A profile whose browser ends at once, and one that shows another colour, are passed over; the choice is kept."""
    before, browsers = descendants(), Browsers()
    selection = ProfileSelection((ENDS_AT_ONCE, SHOWS_OTHER_COLOURS, MULTI, SINGLE), browsers)
    profile, browser = await selection.choose()
    try:
        assert profile is MULTI is selection.chosen
        assert browsers.launches == ["other colours", "multi"]
        assert await browser.ready() is not None
        assert browser.launches == 1, "the tested browser is the one to go on with"
        again, second = await selection.choose()
        assert (again, second.launches) == (MULTI, 0), "no second self-test"
    finally:
        await browser.close()
    assert descendants() == before


async def test_tested_one_process_browser_is_not_used_again():
    """Where a browser holds one context, the self-test has used it up: the visitor gets a fresh one."""
    before, browsers = descendants(), Browsers()
    profile, browser = await ProfileSelection((SINGLE,), browsers).choose()
    assert (profile, browser.launches, browsers.launches) == (SINGLE, 0, ["single"])
    assert descendants() == before


async def test_no_profile_works():
    """Where none works the error gives each one's reason, nothing is left running, and the next call tries again."""
    before, browsers = descendants(), Browsers()
    selection = ProfileSelection((ENDS_AT_ONCE, SHOWS_OTHER_COLOURS), browsers)
    with pytest.raises(BrowserLaunchError, match=r"ends at once: .*did not start.*; other colours: the picture"):
        await selection.choose()
    assert selection.chosen is None
    assert descendants() == before
    with pytest.raises(BrowserLaunchError):
        await selection.choose()
    assert [profile.name for profile, _ in browsers.made].count("ends at once") == 2


async def test_concurrent_first_visits_make_one_choice(site: HostileSite, tmp_path: Path):
    """Visits that begin together make one choice and share its browser; ``close`` leaves nothing."""
    before, browsers = descendants(), Browsers()
    visitor = ByProfileVisitor(ProfileSelection(CANDIDATES, browsers), lambda _, browser: owned(browser, tmp_path))
    try:
        seen = await asyncio.gather(*(visitor.visit(f"{site.origin}/{n}", crawl()) for n in range(3)))
        session = await visitor.open_session(crawl(ordered=True), None)
        assert (await session.visit(site.origin + "/ordered")).failure is None
        await session.close()
    finally:
        await visitor.close()
    assert [one.failure for one in seen] == [None] * 3
    assert browsers.launches == ["multi"]
    assert descendants() == before


@pytest.mark.parametrize("isolation", list(Isolation))
async def test_single_visits_many_pages_at_once(isolation: Isolation, site: HostileSite, tmp_path: Path):
    """With one context a browser, pages in flight at once all succeed, in both isolations, pictures included."""
    before, browsers = descendants(), Browsers()
    visitor = BrowserPerContextVisitor(lambda: owned(browsers(SINGLE), tmp_path))
    config = crawl(isolation=isolation, screenshot=Screenshot.VIEWPORT)
    try:
        seen = await asyncio.gather(*(visitor.visit(f"{site.origin}/{n}", config) for n in range(3)))
        seen.append(await visitor.visit(f"{site.origin}/later", config))
    finally:
        await visitor.close()
    assert [one.failure for one in seen] == [None] * 4
    assert all(one.screenshot for one in seen)
    assert len(browsers.launches) == (1 if isolation is Isolation.CRAWL else 4)
    assert descendants() == before


async def test_single_keeps_no_idle_browser_of_another_crawl(site: HostileSite, tmp_path: Path):
    """Of crawls that share a context each, only the one last visited keeps its browser: memory stays bounded."""
    before, browsers = descendants(), Browsers()
    visitor = BrowserPerContextVisitor(lambda: owned(browsers(SINGLE), tmp_path))
    try:
        for name in ("one", "two", "two", "one"):
            found = await visitor.visit(site.origin + "/good", crawl(name=name, isolation=Isolation.CRAWL))
            assert found.failure is None
            started = descendants() - before
            drivers = [p for p in guardian.processes() if p.pid in started and "run-driver" in p.command]
            assert len(drivers) == 1
        assert browsers.launches == ["single"] * 3
    finally:
        await visitor.close()
    assert descendants() == before


async def test_session_of_single_owns_its_browser(site: HostileSite, tmp_path: Path):
    """A session in ``single`` keeps its cookies from page to page and gives its state; its browser ends with it."""
    before = descendants()
    visitor = BrowserPerContextVisitor(lambda: owned(new_browser(profile=SINGLE), tmp_path))
    session = await visitor.open_session(crawl(ordered=True), None)
    try:
        assert (await session.visit(site.origin + "/good")).failure is None
        assert (await session.visit(site.origin + "/good")).failure is None
        assert [cookie["name"] for cookie in (await session.state())["cookies"]] == ["seen"]
    finally:
        await session.close()
    assert descendants() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
async def test_no_zombie_stays_with_process_one():
    """Where the crawler is the process that orphans fall to, as in a container, ``close`` leaves no zombie behind."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    crawler = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROCESS_ONE, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    out, _ = await crawler.communicate()
    assert (crawler.returncode, out) == (0, b"0\n")


async def test_a_check_tells_of_each_profile() -> None:
    """Each profile's own browser is launched, judged by its self-test and closed; one that fails stops no other."""
    browsers, before = Browsers(), descendants()
    found = await check_profiles((MULTI, SHOWS_OTHER_COLOURS, SINGLE), browsers)
    assert found.profiles["multi"] is None
    assert found.profiles["single"] is None
    assert "the picture of a page" in str(found.profiles["other colours"])
    assert set(found.seconds) == {"multi", "other colours", "single"}
    assert all(seconds > 0 for seconds in found.seconds.values())
    assert list(dict.fromkeys(profile.name for profile, _ in browsers.made)) == ["multi", "other colours", "single"]
    assert descendants() <= before
