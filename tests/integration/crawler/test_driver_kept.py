"""The driver of one call of a function's environment serves the next; everything else of a call has ended with it."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from support.crawling import until
from support.gates import loopback_gate
from trapline_crawler.browser import guardian
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.browser.find import find_browser
from trapline_crawler.browser.launch import LiveBrowser
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.kept_loop import KeptLoop
from trapline_crawler.proxy.browser_proxies import BrowserProxies

Spoil = Callable[[LiveBrowser], Awaitable[None]]


async def _nothing(live: LiveBrowser) -> None:
    """Leave it whole."""


async def _killed(live: LiveBrowser) -> None:
    os.killpg(live.group, signal.SIGKILL)
    await until(lambda: not live.browser.is_connected())


async def _stopped(live: LiveBrowser) -> None:
    os.kill(live.driver, signal.SIGSTOP)


def _drivers_of_ours() -> set[int]:
    mine = os.getpid()
    return {p.pid for p in guardian.processes() if p.parent == mine and not p.zombie and "run-driver" in p.command}


class _Calls:
    """Calls of one function's environment: each launches a browser, shows a page and ends."""

    def __init__(self) -> None:
        self.loop = KeptLoop()
        self.ahead = DriverAhead(self.loop.keep)
        self.before = _drivers_of_ours()

    def call(self, spoil: Spoil = _nothing) -> int:
        """Return the driver's process id. ``spoil`` is done to the browser before it is closed."""
        return self.loop.run(lambda: self._call(spoil))

    async def _call(self, spoil: Spoil) -> int:
        async with self.ahead:
            browser = Browser(
                find_browser(None), environ=os.environ, proxies=lambda: BrowserProxies(loopback_gate()),
                ahead=self.ahead,
            )  # fmt: skip
            try:
                live = await browser.ready()
                page = await (await live.browser.new_context()).new_page()
                await page.goto("data:text/html,<p>shown</p>")
                assert await page.inner_text("p") == "shown"
                await spoil(live)
            finally:
                await browser.close()
            return live.driver

    def drivers(self) -> set[int]:
        return _drivers_of_ours() - self.before


@pytest.fixture
def calls() -> Iterator[_Calls]:
    made = _Calls()
    yield made
    made.loop.run(made.ahead.close)
    made.loop.close()
    assert made.drivers() == set()


def test_the_driver_of_a_call_serves_the_next(calls: _Calls) -> None:
    """All else has ended with each call: of five the last leaves as many descriptors, threads and processes."""
    first = calls.call()
    mine = os.getpid()
    left = []
    for _ in range(4):
        assert calls.call() == first
        children = {row.pid for row in guardian.processes() if row.parent == mine}
        left.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), len(children)))
    assert left == [left[0]] * 4
    assert calls.drivers() == {first}


def test_a_driver_that_ended_between_two_calls_is_replaced(calls: _Calls) -> None:
    """The next call launches with another one, and is none the worse."""
    first = calls.call()
    os.kill(first, signal.SIGKILL)
    second = calls.call()
    assert second != first
    assert calls.call() == second


@pytest.mark.parametrize("spoil", ["the browser died", "the driver has grown", "the driver does not answer"])
def test_a_driver_that_is_not_as_new_ends_with_its_browser(
    spoil: str, calls: _Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not handed on: a call gets a driver of whom no ill is known."""
    if spoil == "the driver has grown":
        monkeypatch.setattr("trapline_crawler.browser.launch.KEPT_MEMORY", 1)
        first = calls.call()
    elif spoil == "the browser died":
        first = calls.call(_killed)
    else:
        first = calls.call(_stopped)
    assert calls.drivers() == set()
    monkeypatch.undo()
    assert calls.call() != first


def test_a_call_that_needs_no_browser_leaves_its_driver_to_the_next(calls: _Calls) -> None:
    """An event that was delivered twice ends at once: the driver that began to start beside it is not lost."""

    async def nothing() -> None:
        async with calls.ahead:
            await asyncio.sleep(0)

    calls.loop.run(nothing)
    calls.loop.run(nothing)
    assert len(calls.drivers()) <= 1
    taken = calls.call()
    assert calls.drivers() == {taken}
