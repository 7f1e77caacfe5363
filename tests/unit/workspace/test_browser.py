import os
import stat

import pytest

from tools.shell import ToolError
from tools.workspace.browser import SETTING, install, starts, working_browser
from trapline_crawler.browser.find import find_browser


def program(folder, name, status=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def nothing(tmp_path):
    """An environment without any browser: an empty PATH, and a home where Playwright downloaded nothing."""
    return {"PATH": str(tmp_path), "HOME": str(tmp_path)}


def test_setting_wins(tmp_path, nothing):
    """The explicit setting is used before anything else."""
    program(tmp_path, "chromium")
    mine = program(tmp_path, "mine")
    assert working_browser(nothing | {SETTING: str(mine)}) == str(mine)


@pytest.mark.parametrize("name", ["mine", "missing"])
def test_setting_that_does_not_start_is_an_error(tmp_path, nothing, name):
    """A setting that names a broken browser, or none, is an error that says so, not a silent other choice."""
    program(tmp_path, "chromium")
    program(tmp_path, "mine", status=127)
    with pytest.raises(ToolError, match=r"does not start|not an executable file"):
        working_browser(nothing | {SETTING: str(tmp_path / name)})


def test_setup_takes_what_the_crawler_takes(tmp_path, nothing):
    """Playwright's download comes before the system's headless shell, and that before Chromium."""
    full, shell = program(tmp_path, "chromium"), program(tmp_path, "chromium-headless-shell")
    assert working_browser(nothing) == str(shell)
    shell.unlink()
    assert working_browser(nothing) == str(full)
    download = ".cache/ms-playwright/chromium_headless_shell-1/chrome-linux/headless_shell"
    downloaded = program(tmp_path, download)
    assert working_browser(nothing) == str(downloaded)


def test_a_browser_that_does_not_start_is_no_browser(tmp_path, nothing):
    """The crawler would launch it, so no other one is reported in its place: setup goes on to install."""
    program(tmp_path, "chromium")
    program(tmp_path, "chromium-headless-shell", status=127)
    assert working_browser(nothing) is None


def test_install_falls_back_to_the_system(tmp_path, nothing):
    """Where Playwright's download fails, setup updates apt's lists and installs the system's headless shell."""
    commands = []

    def run(command):
        commands.append(" ".join(command))
        if "install" in command and "chromium-headless-shell" in command:
            program(tmp_path, "chromium-headless-shell")
            return 0
        return 1 if "playwright" in command else 0

    found = install(run, uid=0, environ=nothing)
    assert found == str(tmp_path / "chromium-headless-shell")
    assert [command.split()[0] for command in commands][1:] == ["apt-get", "apt-get"]
    assert "update" in commands[1]


def test_missing_libraries_are_installed(tmp_path, nothing):
    """A download of Playwright's that does not start is mended by installing what it needs."""
    download = ".cache/ms-playwright/chromium_headless_shell-1/chrome-linux/headless_shell"

    def run(command):
        program(tmp_path, download, status=0 if "install-deps" in command else 127)
        return 0

    assert install(run, uid=0, environ=nothing) == str(tmp_path / download)


def test_nothing_possible_says_what_to_do(nothing):
    """Where every way fails, the error lists what a person can do, and sudo was never allowed to ask for a password."""
    commands = []

    def run(command):
        commands.append(list(command))
        return 1

    with pytest.raises(ToolError, match=SETTING):
        install(run, uid=1000, environ=nothing)
    assert all(command[:2] == ["sudo", "-n"] for command in commands[1:])


def test_this_machine_has_a_browser():
    """After setup there is a browser that starts, and it is the crawler's choice."""
    found = working_browser(os.environ)
    assert found is not None
    assert starts(found)
    assert found == find_browser(os.environ.get(SETTING)).executable
