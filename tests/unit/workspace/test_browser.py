import os
import stat

import pytest

from tools.shell import ToolError
from tools.workspace import browser


def program(folder, name, status=0):
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def nothing(tmp_path):
    """An environment without any browser: an empty PATH, and a Playwright that downloaded nothing."""
    return {"PATH": str(tmp_path), "python": str(program(tmp_path, "python", status=1))}


def test_setting_wins(tmp_path, nothing):
    """The explicit setting is used before anything else."""
    program(tmp_path, "chromium")
    mine = program(tmp_path, "mine")
    environ = {"PATH": nothing["PATH"], browser.SETTING: str(mine)}
    assert browser.find(environ, python=nothing["python"]) == str(mine)


def test_setting_that_does_not_start_is_an_error(tmp_path, nothing):
    """A setting that names a broken browser is an error that says so, not a silent other choice."""
    program(tmp_path, "chromium")
    environ = {"PATH": nothing["PATH"], browser.SETTING: str(program(tmp_path, "mine", status=127))}
    with pytest.raises(ToolError, match="does not start"):
        browser.find(environ, python=nothing["python"])


def test_headless_shell_before_chromium(tmp_path, nothing):
    """Of two system browsers the headless shell is taken; a browser that does not start is passed over."""
    full, shell = program(tmp_path, "chromium"), program(tmp_path, "chromium-headless-shell")
    environ = {"PATH": nothing["PATH"]}
    assert browser.find(environ, python=nothing["python"]) == str(shell)
    program(tmp_path, "chromium-headless-shell", status=127)
    assert browser.find(environ, python=nothing["python"]) == str(full)


def test_install_falls_back_to_the_system(tmp_path, nothing):
    """Where Playwright's download fails, setup updates apt's lists and installs the system's headless shell."""
    commands = []

    def run(command):
        commands.append(" ".join(command))
        if "install" in command and "chromium-headless-shell" in command:
            program(tmp_path, "chromium-headless-shell")
            return 0
        return 1 if "playwright" in command else 0

    found = browser.install(run, uid=0, environ={"PATH": nothing["PATH"]}, python=nothing["python"])
    assert found == str(tmp_path / "chromium-headless-shell")
    assert [command.split()[0] for command in commands][1:] == ["apt-get", "apt-get"]
    assert "update" in commands[1]


def test_nothing_possible_says_what_to_do(nothing):
    """Where every way fails, the error lists what a person can do, and sudo was never allowed to ask for a password."""
    commands = []

    def run(command):
        commands.append(list(command))
        return 1

    with pytest.raises(ToolError, match=browser.SETTING):
        browser.install(run, uid=1000, environ={"PATH": nothing["PATH"]}, python=nothing["python"])
    assert all(command[:2] == ["sudo", "-n"] for command in commands[1:])


def test_this_machine_has_a_browser():
    """After setup there is a browser that starts."""
    found = browser.find(os.environ)
    assert found is not None
    assert browser.starts(found)
