"""Which browser is found, in which order."""

from pathlib import Path

import pytest

from trapline_crawler.browser.errors import BrowserMissingError
from trapline_crawler.browser.find import BrowserChoice, find_browser


def _executable(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def _find(explicit: str | None, home: Path, *on_path: str) -> BrowserChoice:
    found = {name: f"/usr/bin/{name}" for name in on_path}
    return find_browser(explicit, environ={"HOME": str(home)}, which=found.get, platform="linux")


def test_order(tmp_path: Path):
    """The setting wins over Playwright's download, that over the system's headless shell, that over its Chromium."""
    both = ("chromium", "chromium-headless-shell")
    assert _find(None, tmp_path, "chromium").executable == "/usr/bin/chromium"
    assert _find(None, tmp_path, *both).executable == "/usr/bin/chromium-headless-shell"
    cache = tmp_path / ".cache/ms-playwright"
    full = _executable(cache / "chromium-1300/chrome-linux64/chrome")
    assert _find(None, tmp_path, *both) == BrowserChoice(executable=full, headless_shell=False, source="playwright")
    _executable(cache / "chromium_headless_shell-999/chrome-headless-shell-linux64/chrome-headless-shell")
    shell = _executable(cache / "chromium_headless_shell-1255/chrome-linux/headless_shell")
    assert _find(None, tmp_path, *both) == BrowserChoice(executable=shell, headless_shell=True, source="playwright")
    assert _find("chromium", tmp_path, *both).source == "setting"


def test_downloads_elsewhere(tmp_path: Path):
    """``PLAYWRIGHT_BROWSERS_PATH`` names the folder of Playwright's downloads."""
    shell = _executable(tmp_path / "chromium_headless_shell-1/chrome-linux/headless_shell")
    environ = {"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    assert find_browser(None, environ=environ, which={}.get, platform="linux").executable == shell


@pytest.mark.parametrize("explicit", [None, "no-such-browser"])
def test_missing_browser_says_how_to_install(tmp_path: Path, explicit: str | None):
    """Without a browser the error says what to run."""
    with pytest.raises(BrowserMissingError, match="playwright install --only-shell chromium"):
        _find(explicit, tmp_path, *(["chromium"] if explicit else []))
