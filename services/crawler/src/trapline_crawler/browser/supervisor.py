"""Supervises the browser of one invocation: launched when it is first needed, replaced when it died or hung."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from playwright.async_api import Error as PlaywrightError

from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.browser.errors import (
    BrowserBusyError,
    BrowserDiedError,
    BrowserFaultError,
    BrowserHungError,
    BrowserLaunchError,
    MemorySpentError,
    PageCrashedError,
    PageStuckError,
)
from trapline_crawler.browser.find import BrowserChoice
from trapline_crawler.browser.launch import BrowserLimits, LiveBrowser, launch, stop
from trapline_crawler.browser.profiles import MACHINE, Profile
from trapline_crawler.browser.tab_meter import heard
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.proxy.browser_proxies import BrowserProxies

_log = get_logger("crawler")


class Browser:
    """At most one browser at a time. After ``close`` no process and no file of any of its browsers is left.

    The event loop that launches it must be the one that uses and closes it. ``proxies`` makes each browser's proxies.
    ``ahead``: gives each browser its driver, and may keep it when ``close`` ends one that was whole.
    """

    def __init__(
        self,
        choice: BrowserChoice,
        *,
        environ: Mapping[str, str],
        proxies: Callable[[], BrowserProxies],
        limits: BrowserLimits | None = None,
        profile: Profile = MACHINE,
        ahead: DriverAhead | None = None,
    ) -> None:
        self._choice = choice
        self._environ = environ
        self._proxies = proxies
        self._limits = limits or BrowserLimits()
        self._profile = profile
        self._ahead = ahead or DriverAhead()
        self._changing = asyncio.Lock()
        self._live: LiveBrowser | None = None
        self._users: Counter[LiveBrowser] = Counter()
        self._retired: set[LiveBrowser] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self.launches = 0

    async def ready(self) -> LiveBrowser:
        """Return the running browser, launched now if there is none or if the last one died.

        Raises ``BrowserLaunchError`` and ``BrowserHungError``.
        """
        live = self._live
        if live is not None and live.browser.is_connected():
            return live
        async with self._changing:
            if self._live is not None and not self._live.browser.is_connected():
                await self._stop(self._live)
            if self._live is None:
                self._live = await self._launch()
                self.launches += 1
            return self._live

    async def _launch(self) -> LiveBrowser:
        was_there = self._ahead.waits
        try:
            return await self._launch_once()
        except BrowserLaunchError as error:
            if not was_there:
                raise
            # A driver that was kept, or began to start, before the environment was frozen may not live any more.
            _log.info("launch_again_with_another_driver", reason=str(error))
        return await self._launch_once()

    async def _launch_once(self) -> LiveBrowser:
        return await launch(
            self._choice,
            environ=self._environ,
            proxies=self._proxies(),
            limits=self._limits,
            profile=self._profile,
            ahead=self._ahead,
        )

    @contextmanager
    def using(self, live: LiveBrowser) -> Iterator[None]:
        """Use ``live``: should it be retired meanwhile, it lives until its last user is done."""
        self._users[live] += 1
        try:
            yield
        finally:
            self._users[live] -= 1
            self._end_unused(live)

    def retire(self, live: LiveBrowser) -> None:
        """Give ``live`` up without harm to its users: it ends when unused; the next ``ready`` launches another."""
        if self._live is live:
            self._live = None
            self._retired.add(live)
            self._end_unused(live)

    async def kill(self, live: LiveBrowser) -> None:
        """Kill ``live`` with everything it started, unless that was done already; the next ``ready`` launches anew."""
        async with self._changing:
            if self._live is live:
                await self._stop(live)
        if live in self._retired:
            await self._stop_retired(live)

    async def close(self) -> None:
        """Kill the browser, which is its ordinary end: there is nothing in it to save, and it takes 0.1 s."""
        async with self._changing:
            if self._live is not None:
                await self._stop(self._live, self._ahead if self._live.browser.is_connected() else None)
        for live in tuple(self._retired):
            await self._stop_retired(live)
        if self._ending:
            await asyncio.wait(self._ending)

    def _end_unused(self, live: LiveBrowser) -> None:
        if self._users[live]:
            return
        del self._users[live]
        if live in self._retired:
            task = asyncio.ensure_future(self._stop_retired(live))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _stop_retired(self, live: LiveBrowser) -> None:
        if live in self._retired:
            self._retired.discard(live)
            await asyncio.shield(stop(live, self._limits))

    async def _stop(self, live: LiveBrowser, ahead: DriverAhead | None = None) -> None:
        try:
            await asyncio.shield(stop(live, self._limits, ahead))
        finally:
            self._live = None

    async def fault(
        self, live: LiveBrowser, error: PlaywrightError | BrowserHungError, *, lates: int | None = None
    ) -> BrowserFaultError:
        """Ask the browser whether it lives, and return what an error that no page explains means; ``lates`` as below.

        A browser that is dead or does not answer is killed first, so that the next visit gets another one. One that
        answers is not killed: then it is the page that broke, or that does not let go.
        """
        first = str(error).split("\n", 1)[0]
        found = await self.examine(live, because=first, lates=lates)
        if found is not None:
            return error if isinstance(error, BrowserHungError) and not isinstance(found, BrowserBusyError) else found
        if isinstance(error, BrowserHungError):
            return PageStuckError(f"the page did not let its visit go on: {first}")
        return PageCrashedError(f"the page's renderer died: {first}")

    async def examine(self, live: LiveBrowser, *, because: str, lates: int | None = None) -> BrowserFaultError | None:
        """Ask the browser whether it lives. If it is dead or does not answer, kill it and return the error to raise.

        A browser that answers late returns ``BrowserBusyError``, and lives on; so does one that answered late since
        its ``lateness.times`` was ``lates``.
        """
        start = time.monotonic()
        try:
            await self._answer(live, because)
        except PlaywrightError:
            await self.kill(live)
            if live.watch.browser_killed:
                return MemorySpentError(live.watch.why)
            return BrowserDiedError(f"the browser died: {because}")
        except BrowserHungError as hung:
            await self.kill(live)
            return hung
        late = time.monotonic() - start > self._limits.late or (lates is not None and live.lateness.times > lates)
        return BrowserBusyError(f"the browser was busy: {because}") if late else None

    async def _answer(self, live: LiveBrowser, because: str) -> None:
        """Wait for the browser's answer; longer while it says anything else, for then it works and does not hang."""
        said = await bounded(heard(live.meter), self._limits.probe, f"probe of the driver, because {because}")
        until = time.monotonic() + self._limits.busy
        probe = asyncio.ensure_future(self._probe(live))
        try:
            while not (await asyncio.wait({probe}, timeout=self._limits.probe))[0]:
                before, said = said, await bounded(heard(live.meter), self._limits.probe, f"probe, because {because}")
                if said == before or time.monotonic() > until:
                    raise BrowserHungError(f"the browser does not answer: probe, because {because}")
            probe.result()
        finally:
            probe.cancel()

    async def _probe(self, live: LiveBrowser) -> None:
        session = await live.browser.new_browser_cdp_session()
        await session.send("Browser.getVersion")
        await session.detach()
