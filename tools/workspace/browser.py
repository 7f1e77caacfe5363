"""Finds a headless browser in the order of the design, and gets one where there is none."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.shell import ROOT, Run, ToolError, say

SETTING = "TRAPLINE_BROWSER"
"""The explicit setting: a path of a Chromium or a headless shell. The crawler reads the same variable."""
SYSTEM = ("chromium-headless-shell", "chromium")
VENV_PYTHON = ".venv/bin/python"

HELP = f"""no headless browser could be installed. Any one of these helps:
  - {VENV_PYTHON} -m playwright install --only-shell chromium   (needs its download host)
  - apt-get install chromium-headless-shell                     (Debian, as root)
  - {SETTING}=/path/to/chromium                                 (one you have)"""


def starts(executable: str) -> bool:
    """Return whether the browser at ``executable`` starts at all: False too when a shared library is missing."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def playwright_download(python: str = VENV_PYTHON) -> str | None:
    """Return where this Playwright's own headless shell is; ``None`` when it was not downloaded."""
    command = [python, "-m", "playwright", "install", "--dry-run", "--only-shell", "chromium"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    for place in re.findall(r"[Ii]nstall location:\s*(\S.*)", done.stdout):
        for shell in sorted(Path(place.strip()).glob("*/*headless*shell*")):
            if shell.is_file() and os.access(shell, os.X_OK) and shell.suffix in {"", ".exe"}:
                return str(shell)
    return None


def find(environ: Mapping[str, str], *, python: str = VENV_PYTHON) -> str | None:
    """Return the browser the crawler will use, or ``None``.

    Raises ``ToolError`` when the explicit setting names something that does not start.
    """
    if setting := environ.get(SETTING):
        if not starts(setting):
            raise ToolError(f"{SETTING}={setting} does not start")
        return setting
    candidates = [playwright_download(python), *(shutil.which(name, path=environ.get("PATH")) for name in SYSTEM)]
    return next((found for found in candidates if found and starts(found)), None)


def as_root(command: Sequence[str], *, uid: int) -> list[str]:
    """Return ``command`` as root would run it: through ``sudo -n`` (never asks) for anybody else."""
    return list(command) if uid == 0 else ["sudo", "-n", *command]


def install(run: Run, *, uid: int, environ: Mapping[str, str], python: str = VENV_PYTHON) -> str:
    """Get a browser whichever way this machine allows, and return it. Raises ``ToolError`` with what to do by hand."""
    say("setup: no headless browser here; trying Playwright's own")
    if run([python, "-m", "playwright", "install", "--only-shell", "chromium"]) == 0:
        if found := find(environ, python=python):
            return found
        say("setup: it needs shared libraries; installing them")
        run(as_root([python, "-m", "playwright", "install-deps", "chromium-headless-shell"], uid=uid))
        if found := find(environ, python=python):
            return found
    say("setup: trying the system's chromium-headless-shell")
    run(as_root(["apt-get", "update", "-qq"], uid=uid))
    for name in SYSTEM:
        installed = run(as_root(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], uid=uid)) == 0
        if installed and (found := find(environ, python=python)):
            return found
    raise ToolError(HELP)
