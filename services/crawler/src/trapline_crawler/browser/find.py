"""Which browser to launch."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trapline_crawler.browser.errors import BrowserMissingError

HOW_TO_INSTALL = (
    "no browser found: run `playwright install --only-shell chromium`, or install the system's "
    "`chromium-headless-shell` (Debian, Ubuntu: apt-get install chromium-headless-shell) or `chromium`, "
    "or name one in the setting `browser`"
)
_SYSTEM = ("chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome")
_DOWNLOADS = (  # folder of Playwright's registry, and where the executable lies below it, newest layout first
    ("chromium_headless_shell-*", "chrome-*/*headless*shell*"),
    ("chromium-*", "chrome-*/chrome"),
    ("chromium-*", "chrome-*/*.app/Contents/MacOS/*"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserChoice:
    """The browser that ``find_browser`` found."""

    executable: str
    """Path of the program."""
    headless_shell: bool
    """Whether it is a headless shell, which does 2 to 4 times the pages per second."""
    source: str
    """Where it was found: ``setting``, ``playwright`` or ``system``."""


def find_browser(
    explicit: str | None,
    *,
    environ: Mapping[str, str] = os.environ,
    which: Callable[[str], str | None] = shutil.which,
    platform: str = sys.platform,
) -> BrowserChoice:
    """Return the browser: the explicit one, Playwright's own download, or the system's.

    Raises ``BrowserMissingError`` when the explicit one is not an executable, or when there is none at all.
    """
    if explicit:
        found = which(explicit)
        if found is None:
            raise BrowserMissingError(f"the browser {explicit!r} is not an executable file; {HOW_TO_INSTALL}")
        return _choice(found, "setting")
    for download in _downloads(environ, platform):
        return _choice(str(download), "playwright")
    for name in _SYSTEM:
        if found := which(name):
            return _choice(found, "system")
    raise BrowserMissingError(HOW_TO_INSTALL)


def _choice(executable: str, source: str) -> BrowserChoice:
    shell = re.search(r"headless[-_]shell", Path(executable).name) is not None
    return BrowserChoice(executable=executable, headless_shell=shell, source=source)


def _downloads(environ: Mapping[str, str], platform: str) -> Iterator[Path]:
    folder = _registry(environ, platform)
    for builds, inside in _DOWNLOADS:
        for build in sorted(folder.glob(builds), key=_build_number, reverse=True):
            yield from (file for file in sorted(build.glob(inside)) if file.is_file() and os.access(file, os.X_OK))


def _registry(environ: Mapping[str, str], platform: str) -> Path:
    """Return the folder Playwright downloads to (its documentation, "Managing browser binaries")."""
    if path := environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(path)
    home = Path(environ.get("HOME") or "/nonexistent")
    return home / ("Library/Caches/ms-playwright" if platform == "darwin" else ".cache/ms-playwright")


def _build_number(folder: Path) -> int:
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
