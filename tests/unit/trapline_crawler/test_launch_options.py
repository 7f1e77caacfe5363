"""What the browser is given: switches, environment and sandbox."""

import re
from pathlib import Path

import playwright
import pytest

from trapline_crawler.browser.launch_options import SWITCHES, browser_environment, sandbox_works_for

DRIVER = Path(playwright.__file__).parent / "driver" / "package" / "lib" / "coreBundle.js"
"""The driver's own code, with the switches that it starts Chromium with."""
OWN_LISTS = {
    "--disable-features": r"disabledFeatures = \[(.*?)\n    \]",
    "--enable-features": r"enabledFeatures = \(\) => \[(.*?)\n    \]",
    "--blink-settings": r"\"--blink-settings=([^\"]*)\"",
}
"""Where the driver's code has its own values of a switch of which Chromium takes the last."""


@pytest.mark.parametrize("switch", OWN_LISTS)
def test_our_lists_hold_all_of_playwrights(switch: str):
    """Ours come last and replace Playwright's: each must repeat what the installed release has in its own."""
    found = re.search(OWN_LISTS[switch], DRIVER.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"this release of Playwright writes its {switch} in another way: look, and repeat them"
    code = "\n".join(line.partition("//")[0] for line in found[1].splitlines())
    theirs = set(re.findall(r"[\w=]+", code) if switch == "--blink-settings" else re.findall(r'"(\w+)"', code))
    (ours,) = (one.partition("=")[2] for one in SWITCHES if one.startswith(f"{switch}="))
    assert theirs
    assert theirs <= set(ours.split(","))
    assert len(ours.split(",")) == len(set(ours.split(",")))


def test_environment_is_an_allowlist():
    """Of the crawler's environment only what a browser needs is passed on, and no proxy: it has its own."""
    given = {
        "PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "TZ": "UTC",
        "AWS_SESSION_TOKEN": "t", "DATABASE_URL": "d", "TRAPLINE_SECRET_X": "s", "SOMETHING": "else",
        "HTTPS_PROXY": "http://user:pa@ss@proxy:3128", "http_proxy": "proxy:1", "NO_PROXY": "localhost",
    }  # fmt: skip
    assert browser_environment(given, "/scratch") == {
        "PATH": "/bin", "HOME": "/root", "LC_ALL": "C", "TZ": "UTC",
        "XDG_CONFIG_HOME": "/scratch", "XDG_CACHE_HOME": "/scratch", "XDG_RUNTIME_DIR": "/scratch",
    }  # fmt: skip


def test_only_root_goes_without_sandbox():
    """The sandbox is off for root, for whom Chromium refuses it, and for no other user."""
    assert not sandbox_works_for(0)
    assert sandbox_works_for(1000)
