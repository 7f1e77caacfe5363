"""Starts Playwright's driver and one browser, and knows every process that belongs to them."""

import asyncio
import os
import resource
import secrets
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import CDPSession, Playwright
from playwright.async_api import Error as PlaywrightError

from trapline_crawler.browser import guardian, process_watch, temp_folders
from trapline_crawler.browser.collect_children import collect
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.browser.errors import BrowserFaultError, BrowserLaunchError
from trapline_crawler.browser.find import BrowserChoice
from trapline_crawler.browser.lateness import Lateness
from trapline_crawler.browser.launch_options import LEFT_OUT, MARKER, SWITCHES, browser_environment, sandbox_works_for
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.browser.process_watch import ProcessLimits, ProcessWatch
from trapline_crawler.browser.profiles import MACHINE, Profile
from trapline_crawler.browser.tab_meter import require_meter
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.browser.trusted_home import trusting_environment
from trapline_crawler.proxy.browser_proxies import BrowserProxies

KEPT_MEMORY = 160 * MIB
"""Bytes: a driver that takes more is not kept. Usual are 100 after its start, and 120 after a hundred pages."""
_NOTICES_WITHIN = 1.0
"""Seconds within which a driver takes notice that its browser was killed; usual are 0.02."""
_POLL = 0.005
_LAST_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserLimits:
    """Seconds that each step with a browser may take (usual on two shared cores: 0.4, 0.1, 0.01, 0.1), and memory."""

    driver: float = 20.0
    """The start of Playwright's driver."""
    launch: float = 30.0
    """The launch of the browser."""
    probe: float = 5.0
    """The question whether the browser lives, with its answer; so long again while the browser says anything else."""
    late: float = 2.0
    """That answer, before the browser counts as busy."""
    busy: float = 30.0
    """That answer of a browser that goes on saying other things."""
    close: float = 5.0
    """The end of the driver, once the browser is killed; twice."""
    processes: ProcessLimits = field(default_factory=ProcessLimits.of_machine)
    """What its processes may use of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveBrowser:
    """One running browser, and every process and folder that belongs to it."""

    browser: PlaywrightBrowser
    """Playwright's handle of the browser."""
    playwright: Playwright
    """Playwright's handle of the driver."""
    group: int
    """Process group of the browser; its leader is the process that was launched."""
    driver: int
    """Process id of the driver, a child of the crawler."""
    folders: tuple[str, ...]
    """All folders that the browser writes to; deleted at its end."""
    proxies: BrowserProxies
    """The browser's way out: a proxy for each of its contexts."""
    guardian: asyncio.subprocess.Process
    """Kills the browser when the crawler dies first."""
    watch: ProcessWatch
    """Bounds the memory of the browser's processes."""
    meter: CDPSession
    """A session of the browser itself, for questions that the tab meter answers without it."""
    lateness: Lateness
    """Counts the browser's late answers."""


async def launch(
    choice: BrowserChoice,
    *,
    environ: Mapping[str, str],
    proxies: BrowserProxies,
    limits: BrowserLimits,
    profile: Profile = MACHINE,
    ahead: DriverAhead,
) -> LiveBrowser:
    """Launch a browser. Raises ``BrowserLaunchError`` or ``BrowserHungError``; nothing is left then, or on a cancel.

    ``ahead``: gives its driver, and is then the only one of this process that has none of a browser's.
    """
    _no_core_dumps_from_now_on()
    temp_folders.sweep()
    folder = temp_folders.make()
    token = MARKER + secrets.token_hex(8)
    before = frozenset() if ahead.waits else _drivers()
    guard = await _start_guardian(folder)
    try:
        surroundings = await trusting_environment(
            browser_environment(environ, str(folder)), folder, proxies.certificates
        )
        playwright = await bounded(ahead.taken(), limits.driver, "start of the driver")
        browser = await bounded(
            playwright.chromium.launch(
                executable_path=choice.executable,
                args=[*SWITCHES, *proxies.switches(), *profile.switches, token],
                ignore_default_args=list(LEFT_OUT),
                chromium_sandbox=profile.sandbox and sandbox_works_for(os.geteuid()),
                env=dict(surroundings),
                artifacts_dir=folder,
                # The crawler decides what a signal means; the driver would close the browser under it.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=limits.launch * 1000,
            ),
            limits.launch + 1,
            "launch",
        )
        meter = await bounded(require_meter(browser), limits.probe, "the tab meter")
        live = await _enrol(
            browser, playwright, meter, limits, token=token, folder=folder, guard=guard, proxies=proxies
        )  # fmt: skip
        live.watch.start()
        live.lateness.start()
        return live
    except (PlaywrightError, OSError, BrowserFaultError, asyncio.CancelledError) as error:
        await asyncio.shield(_undo(token, before, folder, proxies=proxies, guard=guard))
        if isinstance(error, PlaywrightError | OSError):
            raise BrowserLaunchError(_reason(choice, error)) from error
        raise


async def _undo(
    token: str, before: frozenset[int], folder: Path, *, proxies: BrowserProxies, guard: asyncio.subprocess.Process
) -> None:
    """End everything that a launch started which failed or was cancelled."""
    await asyncio.to_thread(_clean_up, token, before, folder)
    await proxies.close()
    await _dismiss(guard)


async def stop(live: LiveBrowser, limits: BrowserLimits, ahead: DriverAhead | None = None) -> None:
    """Kill the browser's whole group, end the driver and delete its folders; returns when no process is left.

    ``ahead``: it may keep the driver, if that took notice of the browser's end and has not grown.
    """
    live.watch.stop()
    live.lateness.stop()
    await asyncio.to_thread(guardian.kill, {live.group})
    if ahead is None or not ahead.keeps or not await _is_fit(live) or not ahead.give_back(live.playwright):
        await _end_driver(live, limits)
    await asyncio.to_thread(guardian.remove, live.folders)
    await live.proxies.close()
    await _dismiss(live.guardian)
    await asyncio.to_thread(collect, live.group)


async def _end_driver(live: LiveBrowser, limits: BrowserLimits) -> None:
    ending = asyncio.ensure_future(live.playwright.stop())
    await asyncio.wait({ending}, timeout=limits.close)
    await asyncio.to_thread(guardian.kill, (), {live.driver})
    await asyncio.wait({ending}, timeout=limits.close)


async def _is_fit(live: LiveBrowser) -> bool:
    """Tell whether the driver may serve another browser: it has none any more, and is as small as a new one."""
    until = time.monotonic() + _NOTICES_WITHIN
    while live.browser.is_connected():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_POLL)
    try:
        return process_watch.memory(live.driver) <= KEPT_MEMORY
    except OSError:
        return False  # it ended with its browser


async def _start_guardian(folder: Path) -> asyncio.subprocess.Process:
    """Start the guardian in a session of its own, so that what kills the crawler's group does not kill it too."""
    process = await asyncio.create_subprocess_exec(
        *guardian.program(), stdin=asyncio.subprocess.PIPE, start_new_session=True, env={}, cwd="/"
    )
    _command(process, f"remove {folder}")
    return process


def _command(process: asyncio.subprocess.Process, *lines: str) -> None:
    if process.stdin is not None:
        process.stdin.write("".join(f"{line}\n" for line in lines).encode())


async def _dismiss(process: asyncio.subprocess.Process) -> None:
    with suppress(ConnectionError):  # it was killed: the browser is gone anyway
        _command(process, "done")
        if process.stdin is not None:
            process.stdin.close()
    await process.wait()


async def _enrol(
    browser: PlaywrightBrowser,
    playwright: Playwright,
    meter: CDPSession,
    limits: BrowserLimits,
    *,
    token: str,
    folder: Path,
    guard: asyncio.subprocess.Process,
    proxies: BrowserProxies,
) -> LiveBrowser:
    table = await asyncio.to_thread(lambda: list(guardian.processes()))
    marked = [process for process in table if token in process.command]
    leader = next((process for process in marked if process.pid == process.group), None)
    if leader is None:
        raise BrowserLaunchError("the browser ended right after its launch")
    profile = next(
        (line.removeprefix("--user-data-dir=") for process in marked for line in process.command.split("\n")
         if line.startswith("--user-data-dir=")), "",
    )  # fmt: skip
    if profile:
        temp_folders.note_profile(folder, profile)
        _command(guard, f"remove {profile}")
    _command(guard, f"group {leader.group}", f"process {leader.parent}")
    _no_core_dumps(process.pid for process in table if process.group == leader.group or process.pid == leader.parent)
    return LiveBrowser(
        browser=browser, playwright=playwright, group=leader.group, driver=leader.parent,
        folders=tuple(filter(None, (profile, str(folder)))), proxies=proxies, guardian=guard,
        watch=ProcessWatch(leader.group, limits.processes), meter=meter, lateness=Lateness(meter, late=limits.late),
    )  # fmt: skip


def _no_core_dumps_from_now_on() -> None:
    """Lower the crawler's own limit: each process that it starts inherits it, however early it is forked."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _no_core_dumps(pids: Iterable[int]) -> None:
    """Take away the right to raise the limit again: a crashed page's memory is written nowhere."""
    if sys.platform == "linux" and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:  # 0 is inherited
        for pid in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _drivers() -> frozenset[int]:
    mine = os.getpid()
    return frozenset(p.pid for p in guardian.processes() if p.parent == mine and "run-driver" in p.command)


def _clean_up(token: str, before: frozenset[int], folder: Path) -> None:
    """Kill what a failed launch started.

    Of the drivers that were started meanwhile it is the one without a browser, or with the browser of this token.
    """
    table = list(guardian.processes())
    marked = [process for process in table if token in process.command]
    parents = {process.parent for process in table}
    idle = {pid for pid in _drivers() - before if pid not in parents}
    groups = {process.group for process in marked}
    guardian.kill(groups, idle | {p.parent for p in marked if p.pid == p.group})
    guardian.remove([str(folder)])
    for group in groups:
        collect(group)


def _reason(choice: BrowserChoice, error: Exception) -> str:
    # The command line, some 2,000 characters of it, tells nothing new; and it names the sandbox.
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "<launching>" not in line]
    words = " | ".join(lines[:_LAST_LINES])
    refused = "; the system may refuse Chromium's sandbox (user namespaces) to this user"
    hint = refused if "sandbox" in words.lower() else ""
    return f"{choice.executable} did not start: {words}{hint}"
