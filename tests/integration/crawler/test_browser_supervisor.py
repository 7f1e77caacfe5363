"""The browser is launched late, dies with its crawler, and is replaced when it fails."""

import asyncio
import os
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from support.crawling import LIMITS, KnownSecrets, crawl, exist, new_browser, proc, until
from support.gates import loopback_gate
from support.hostile import HostileSite
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser import guardian
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.browser.errors import BrowserDiedError, BrowserFaultError, BrowserHungError, BrowserLaunchError
from trapline_crawler.browser.find import BrowserChoice, find_browser
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.browser_proxies import BrowserProxies
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS_SHORT = replace(LIMITS, open=2.0, close=2.0)

_CRAWLER = """
import asyncio, os
from support.crawling import new_browser

async def main():
    live = await new_browser().ready()
    await live.browser.new_page()
    print(live.group, live.driver, live.guardian.pid, *live.folders, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _members(live: LiveBrowser) -> list[guardian.Process]:
    return [process for process in guardian.processes() if process.group == live.group and not process.zombie]


def _left(groups: set[int], pids: set[int]) -> list[guardian.Process]:
    return [p for p in guardian.processes() if not p.zombie and (p.group in groups or p.pid in pids)]


def _visitor(browser: Browser, folder: Path) -> BrowserVisitor:
    return BrowserVisitor(browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets(), limits=LIMITS)


async def test_nothing_is_left_after_close():
    """After ``close`` neither a process of the browser, nor its driver, nor its guardian, nor a file of it is left."""
    browser = new_browser()
    live = await browser.ready()
    assert len(_members(live)) > 2
    assert exist(live.folders) == list(live.folders)
    await browser.close()
    assert _left({live.group}, {live.driver, live.guardian.pid}) == []
    assert exist(live.folders) == []


async def test_concurrent_first_visits_share_one_launch():
    """Four callers that need the browser at once get one and the same."""
    browser = new_browser()
    try:
        lives = await asyncio.gather(*(browser.ready() for _ in range(4)))
        assert len({id(live) for live in lives}) == browser.launches == 1
    finally:
        await browser.close()


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen browser"])
async def test_browser_dies_with_a_killed_crawler(*, frozen: bool):
    """SIGKILL of the crawler leaves no browser, driver, guardian or file behind, even where the browser is frozen."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    crawler = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CRAWLER, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    assert crawler.stdout is not None
    group, driver, watch, *folders = (await asyncio.wait_for(crawler.stdout.readline(), 30)).decode().split()
    groups, pids = {int(group)}, {int(driver), int(watch)}
    assert len(_left(groups, pids)) > 4
    if frozen:
        os.killpg(int(group), signal.SIGSTOP)
        os.kill(int(driver), signal.SIGSTOP)
    crawler.kill()
    await crawler.wait()
    await until(lambda: _left(groups, pids) == [])
    await until(lambda: exist(folders) == [])


async def test_environment_holds_no_secret():
    """No process of the browser has a variable that is not on the allowlist."""
    environ = dict(os.environ) | {"AWS_SECRET_ACCESS_KEY": "abc123", "DATABASE_URL": "postgres://u:p@h/d"}
    environ |= {"https_proxy": "http://me:hunter2@proxy.invalid:3128", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    browser = Browser(find_browser(None), environ=environ, proxies=lambda: BrowserProxies(loopback_gate()))
    try:
        live = await browser.ready()
        for process in _members(live):
            held = proc(process.pid, "environ")
            assert not any(secret in held for secret in (b"abc123", b"postgres://", b"hunter2", b"AWS_", b"proxy"))
    finally:
        await browser.close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are a Linux thing")
async def test_no_core_dumps():
    """A page's renderer writes no core dump, also where the crawler was started with leave to write one."""
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    browser = new_browser()
    try:
        live = await browser.ready()
        await live.browser.new_page()
        for process in _members(live):
            limits = proc(process.pid, "limits").splitlines()
            row = next(line for line in limits if line.startswith(b"Max core file size"))
            assert row.split()[4] == b"0"
    finally:
        await browser.close()


@pytest.mark.parametrize("victim", ["browser", "driver"])
async def test_dead_browser_loses_its_visits_and_is_replaced(victim: str, site: HostileSite, tmp_path: Path):
    """When the browser or its driver dies, the visit in flight raises ``BrowserDiedError`` and the next one works."""
    browser = new_browser()
    visitor = _visitor(browser, tmp_path)
    try:
        live = await browser.ready()
        before = len(site.seen)
        visit = asyncio.ensure_future(visitor.visit(site.origin + "/silent", crawl()))
        await until(lambda: len(site.seen) > before)
        if victim == "browser":
            os.killpg(live.group, signal.SIGKILL)
        else:
            os.kill(live.driver, signal.SIGKILL)
        with pytest.raises(BrowserDiedError):
            await visit
        assert (await visitor.visit(site.origin + "/good", crawl())).failure is None
        assert browser.launches == 2
        assert _left({live.group}, {live.driver, live.guardian.pid}) == []
    finally:
        await visitor.close()
        await browser.close()


@pytest.mark.parametrize("when", ["before the visit", "during the load"])
async def test_hung_browser_is_killed_and_replaced(when: str, site: HostileSite, tmp_path: Path):
    """A frozen browser is found out, killed with its whole group and replaced; no page is blamed for it."""
    browser = new_browser(probe=1.0)
    visitor = BrowserVisitor(
        browser, artifacts=DirectoryArtifacts(tmp_path), secrets=KnownSecrets(), limits=LIMITS_SHORT
    )
    try:
        live = await browser.ready()
        before = len(site.seen)
        if when == "before the visit":
            os.killpg(live.group, signal.SIGSTOP)
        visit = asyncio.ensure_future(visitor.visit(site.origin + "/silent", crawl(timeout=3)))
        if when == "during the load":
            await until(lambda: len(site.seen) > before)
            os.killpg(live.group, signal.SIGSTOP)
        with pytest.raises(BrowserHungError):
            await visit
        assert _left({live.group}, {live.driver}) == []
        assert (await visitor.visit(site.origin + "/good", crawl())).failure is None
    finally:
        await visitor.close()
        await browser.close()


async def test_program_that_is_no_browser(tmp_path: Path):
    """A program that is no browser is a ``BrowserLaunchError`` with its last words, and leaves nothing behind."""
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho I am no browser >&2\nexit 3\n", encoding="utf-8")
    fake.chmod(0o755)
    mine = os.getpid()
    before = {process.pid for process in guardian.processes() if process.parent == mine}
    choice = BrowserChoice(executable=str(fake), headless_shell=False, source="setting")
    with pytest.raises(BrowserLaunchError, match="no browser") as raised:
        await Browser(choice, environ=os.environ, proxies=lambda: BrowserProxies(loopback_gate())).ready()
    assert isinstance(raised.value, BrowserFaultError)
    await until(lambda: {p.pid for p in guardian.processes() if p.parent == mine and not p.zombie} <= before)


def _drivers_of_ours() -> set[int]:
    mine = os.getpid()
    return {p.pid for p in guardian.processes() if p.parent == mine and not p.zombie and "run-driver" in p.command}


async def test_the_first_browser_takes_the_driver_that_was_started_ahead():
    """It starts no other one; the next browser starts its own, and nothing of either is left."""
    before, ahead = _drivers_of_ours(), DriverAhead()
    ahead.begin()
    await until(lambda: len(_drivers_of_ours() - before) == 1)
    (first,) = _drivers_of_ours() - before
    choice = find_browser(None)
    browser = Browser(choice, environ=os.environ, proxies=lambda: BrowserProxies(loopback_gate()), ahead=ahead)
    try:
        assert (await browser.ready()).driver == first
        assert _drivers_of_ours() - before == {first}
        await browser.kill(await browser.ready())
        assert (await browser.ready()).driver != first
    finally:
        await browser.close()
        await ahead.close()
    assert _drivers_of_ours() <= before


async def test_each_invocation_of_a_process_has_one_ahead():
    """The next invocation begins anew, begun twice is begun once, and none is left between them."""
    before, ahead = _drivers_of_ours(), DriverAhead()
    for _ in range(2):
        async with ahead:
            ahead.begin()
            await until(lambda: len(_drivers_of_ours() - before) == 1)
            (begun,) = _drivers_of_ours() - before
            proxies = BrowserProxies(loopback_gate())
            browser = Browser(
                find_browser(None), environ=os.environ, proxies=lambda proxies=proxies: proxies, ahead=ahead
            )
            try:
                assert (await browser.ready()).driver == begun
            finally:
                await browser.close()
        assert _drivers_of_ours() <= before


async def test_a_driver_ahead_that_nobody_takes_ends():
    """A process that ends before its first visit leaves no driver, whether it had started or not."""
    before, ahead = _drivers_of_ours(), DriverAhead()
    ahead.begin()
    await ahead.close()
    assert _drivers_of_ours() <= before
    await ahead.close()


async def test_a_driver_ahead_ends_with_a_launch_that_fails(tmp_path: Path):
    """A browser that does not start leaves the driver of before no more than one of its own."""
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    fake.chmod(0o755)
    before, ahead = _drivers_of_ours(), DriverAhead()
    ahead.begin()
    await until(lambda: len(_drivers_of_ours() - before) == 1)
    choice = BrowserChoice(executable=str(fake), headless_shell=False, source="setting")
    with pytest.raises(BrowserLaunchError):
        await Browser(
            choice, environ=os.environ, proxies=lambda: BrowserProxies(loopback_gate()), ahead=ahead
        ).ready()  # fmt: skip
    await until(lambda: _drivers_of_ours() <= before)


async def test_a_launch_that_is_cancelled_leaves_nothing():
    """A visit that is cut off while its browser starts leaves no driver, browser or guardian behind."""
    mine = os.getpid()

    def children() -> set[int]:
        return {process.pid for process in guardian.processes() if process.parent == mine and not process.zombie}

    before, browser = children(), new_browser()
    launch = asyncio.create_task(browser.ready())
    await until(lambda: len(children() - before) == 2)  # the guardian and the driver
    launch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launch
    await browser.close()
    await until(lambda: children() <= before)
