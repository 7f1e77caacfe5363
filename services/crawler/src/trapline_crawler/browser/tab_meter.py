"""The tab meter: what ``tab_meter.js`` does in the driver's process, as the crawler starts it and asks it."""

import os
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

from trapline_crawler.browser.errors import BrowserLaunchError
from trapline_crawler.browser.machine_memory import MIB, memory_here

_SCRIPT = Path(__file__).with_name("tab_meter.js")
_YOUNG = 2
"""MiB for what a message of the browser leaves behind; with 16, as Node has it, the driver takes some 20 MiB more."""
_OLD_LEAST, _OLD_MOST = 512, 2048
"""MiB that what lives longer in the driver may take: a quarter of the memory there is, within these. A visit
may load 50 MiB (``VisitLimits.size``). A heap that grows beyond ends the driver; its visits are made again, alone."""
PAINTED = {"width": 64, "height": 36}
"""Pixels of a tab's window that the browser keeps painted; were it all of it, six tabs would take 40 MiB more."""
_COMPILED = "NODE_COMPILE_CACHE"
"""Node's variable that names a folder for compiled code: a start of the driver takes a fifth less with it."""


def put_before_the_driver(environ: MutableMapping[str, str] = os.environ) -> None:
    """Let every driver that is started from now on load the meter before itself.

    The driver inherits the crawler's environment, and Playwright offers no other way to hand it an option of Node's.
    The browser does not: its environment is an allowlist.
    """
    option, options = f'--require="{_SCRIPT}"', environ.get("NODE_OPTIONS", "")
    if option not in options:
        old = max(_OLD_LEAST, min(_OLD_MOST, memory_here() // MIB // 4))
        ours = f"--max-semi-space-size={_YOUNG} --max-old-space-size={old}"
        # Of Node's own options the last counts, so a person's stand behind ours.
        environ["NODE_OPTIONS"] = f"{ours} {options} {option}".replace("  ", " ")
    # The driver would wait for every font before a picture, for ever; ``reveal.js`` does, within bounds.
    environ["PW_TEST_SCREENSHOT_NO_FONTS_READY"] = "1"
    if _COMPILED not in environ and (folder := _own_cache(environ)) is not None:
        environ[_COMPILED] = str(folder)


def _own_cache(environ: Mapping[str, str]) -> Path | None:
    """Return a folder of this user's alone where Node keeps what it compiled; ``None``: there is no such place.

    What is in it is run, so nobody else may write there; and not below Lambda's only writable folder, where what a page
    broke out with could lie in wait for the next invocation.
    """
    base = environ.get("XDG_CACHE_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.cache")
    if not base or not Path(base).is_absolute() or environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return None
    folder = Path(base) / "trapline" / "driver"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        kept = [one.stat() for one in (folder, folder.parent)]
    except OSError:
        return None  # it is a read-only home, or none: the driver compiles anew each time
    alone = all(one.st_uid == os.geteuid() and not one.st_mode & (stat.S_IWGRP | stat.S_IWOTH) for one in kept)
    return folder if alone else None


async def require_meter(browser: PlaywrightBrowser) -> CDPSession:
    """Return a session of the browser, to ask the meter by.

    Raises ``BrowserLaunchError`` unless the meter stands in this browser's pipe: a browser without it is not used.
    """
    session = await browser.new_browser_cdp_session()
    try:
        await heard(session)
    except PlaywrightError as error:
        problem = "Playwright's driver runs without the tab meter; this release of it starts its browser in another way"
        raise BrowserLaunchError(problem) from error
    return session


async def heard(session: CDPSession) -> int:
    """Return how many bytes the browser has said so far. The meter answers, whatever the browser does."""
    answer: dict[str, Any] = await session.send("Trapline.heard")
    return int(answer["bytes"])


async def open_tab(session: CDPSession, *, size: int, parts: int, events: int, reported: int) -> None:
    """Let the meter hold the tab of ``session`` to limits, from its next navigation on.

    ``size``: bytes of answers, as they came or unpacked; ``parts``: frames, workers and windows; ``events`` and
    ``reported``: events of the browser's protocol, and bytes of them.
    """
    await session.send("Trapline.open", {"size": size, "parts": parts, "events": events, "reported": reported})
    # The page is laid out and photographed as large as its context says: it can't tell, and nobody looks at the rest.
    await paint(session, PAINTED)


async def paint(session: CDPSession, size: Mapping[str, int]) -> None:
    """Have the browser keep ``size`` of the tab's window painted, its ``width`` and ``height``, from its left top on.

    A click on a frame that another process shows meets nothing where the window is not painted.
    """
    await session.send("Emulation.setVisibleSize", dict(size))


async def has_arrived(session: CDPSession) -> bool:
    """Return whether the tab shows what the crawler's last navigation asked for, and no more what was there before."""
    answer: dict[str, Any] = await session.send("Trapline.arrived")
    return bool(answer["arrived"])


async def is_taken(session: CDPSession) -> bool:
    """Return whether the page before takes the tab back, by a navigation that it began before it was left."""
    answer: dict[str, Any] = await session.send("Trapline.arrived")
    return bool(answer["taken"])


async def end_of_source(session: CDPSession, *, longest: int) -> str | None:
    """Return the end of the source of the document that is shown, as the browser decoded it; ``None``: it has none.

    ``longest``: characters.
    """
    answer: dict[str, Any] = await session.send("Trapline.source", {"longest": longest})
    return None if answer["tail"] is None else str(answer["tail"])


async def leave_for_blank(session: CDPSession) -> str | None:
    """Leave for a blank page and wait until it is shown; at once with the reason where a wipe would not be enough.

    The steps of the wipe end with why the tab's context can't be used again; ``None``: it can.
    """
    return await _cleaning(session, "Trapline.blank")


async def wipe(session: CDPSession) -> str | None:
    """Clear what the tab's context holds, and look whether it is empty; the tab shows the blank page."""
    return await _cleaning(session, "Trapline.wipe")


async def check(session: CDPSession) -> str | None:
    """Look whether a wiped context is still empty: no other target, no cookie, and the blank page shown."""
    return await _cleaning(session, "Trapline.check")


async def _cleaning(session: CDPSession, command: str) -> str | None:
    answer: dict[str, Any] = await session.send(command)
    return None if answer["why"] is None else str(answer["why"])


async def evaluate(session: CDPSession, expression: str, *, rest: float = 0.0) -> dict[str, Any]:
    """Evaluate in the isolated world of the document that is shown; a promise is awaited.

    ``rest``: seconds that the question may wait, before it is asked, until no request of the page is open that may
    bring text. Returns the protocol's answer, with what the tab has spent since it was navigated, and what it still
    waits for, under ``spent``. Raises Playwright's error: "Cannot find context" while no document is shown, and the
    browser's ``net::ERR_...`` for one that broke off.
    """
    asked = {"expression": expression, "rest": round(rest * 1000)}
    answer: dict[str, Any] = await session.send("Trapline.evaluate", asked)
    return answer
