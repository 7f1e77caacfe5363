"""Checks that the browser which the crawler will launch starts, and installs one on a machine that has none."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from tools.shell import Run, ToolError, main_guard, run, say
from trapline_crawler.browser.errors import BrowserMissingError
from trapline_crawler.browser.find import find_browser

SETTING = "TRAPLINE_BROWSER"
"""The explicit setting: a path of a Chromium or a headless shell. The crawler reads the same variable."""
SYSTEM = ("chromium-headless-shell", "chromium")
"""Debian's packages, the faster browser first."""
HELP = f"""no headless browser could be installed. Any one of these helps:
  - .venv/bin/python -m playwright install --only-shell chromium   (needs its download host)
  - apt-get install chromium-headless-shell                        (Debian, as root)
  - {SETTING}=/path/to/chromium                                    (one you have)"""


def starts(executable: str) -> bool:
    """Return whether the browser at ``executable`` starts at all: ``False`` too when it lacks a shared library."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def working_browser(environ: Mapping[str, str]) -> str | None:
    """Return the browser that the crawler would launch, or ``None`` where there is none that starts.

    Raises ``ToolError`` when the explicit setting names something that does not start.
    """
    setting = environ.get(SETTING)
    try:
        found = find_browser(setting, environ=environ, which=lambda name: shutil.which(name, path=environ.get("PATH")))
    except BrowserMissingError as error:
        if setting:
            raise ToolError(str(error)) from error
        return None
    if starts(found.executable):
        return found.executable
    if setting:
        raise ToolError(f"{SETTING}={setting} does not start")
    say(f"setup: {found.executable} does not start")
    return None


def install(run_program: Run, *, uid: int, environ: Mapping[str, str]) -> str:
    """Install a browser as this machine allows it, and return it. Raises ``ToolError`` with what to do by hand.

    The crawler prefers Playwright's download to the system's browsers, so one that does not start must be mended.
    """
    playwright = [sys.executable, "-m", "playwright"]
    as_root = [] if uid == 0 else ["sudo", "-n"]  # it never asks for a password
    say("setup: no headless browser here; trying Playwright's own")
    if run_program([*playwright, "install", "--only-shell", "chromium"]) == 0:
        if found := working_browser(environ):
            return found
        say("setup: it needs shared libraries; installing them")
        run_program([*as_root, *playwright, "install-deps", "chromium-headless-shell"])
        if found := working_browser(environ):
            return found
    say("setup: trying the system's chromium-headless-shell")
    run_program([*as_root, "apt-get", "update", "-qq"])
    for name in SYSTEM:
        command = [*as_root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", name]
        if run_program(command) == 0 and (found := working_browser(environ)):
            return found
    raise ToolError(HELP)


def main() -> int:
    """Make sure that there is a browser, and say which."""
    found = working_browser(os.environ) or install(run, uid=os.getuid(), environ=os.environ)
    say(f"setup: browser {found}")
    return 0


if __name__ == "__main__":
    main_guard(main)
