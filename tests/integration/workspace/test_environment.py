import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from tools.shell import ROOT, ToolError
from tools.workspace.environment import VirtualEnvironment, is_made_here
from tools.workspace.packages import Package

PACKAGE = Package(name="one", folder="one", module="one")
PYPROJECT = """[project]
name = "one"
version = "{version}"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


@pytest.fixture
def workspace(tmp_path):
    """An environment whose lock is empty, with one package of its own; uv is this environment's."""
    (tmp_path / "one/src/one").mkdir(parents=True)
    (tmp_path / "one/src/one/__init__.py").write_text("")
    (tmp_path / "one/pyproject.toml").write_text(PYPROJECT.format(version="1"))
    (tmp_path / "lock.txt").write_text("")
    return VirtualEnvironment(root=tmp_path, name="env", lock="lock.txt", uv_python=Path(sys.executable))


def requirement(name):
    """Return a requirement of the development lock, with its hashes."""
    lines = (ROOT / "requirements/dev.txt").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    rest = next(number for number in range(first + 1, len(lines)) if not lines[number].startswith(" "))
    return "\n".join(lines[first:rest]) + "\n"


def versions(environment):
    command = [sys.executable, "-m", "uv", "pip", "freeze", "--python", str(environment.python)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_environment_holds_what_its_lock_says(workspace):
    """A changed lock is installed by the next call; nothing had to note what was installed before."""
    workspace.ensure()
    assert versions(workspace) == ""
    (workspace.root / "lock.txt").write_text(requirement("idna"))
    workspace.ensure()
    assert versions(workspace).startswith("idna==")


def test_a_requirement_with_another_hash_is_refused(workspace):
    """A download that is not the locked one is never installed."""
    (workspace.root / "lock.txt").write_text(f"{requirement('idna').split()[0]} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ToolError, match=r"installing lock\.txt"):
        workspace.ensure()
    assert versions(workspace) == ""


def test_a_package_of_the_workspace_is_editable_and_follows_its_pyproject(workspace):
    """Its module comes from its own folder, and a changed pyproject file is installed by the next call."""
    (workspace.root / "lock.txt").write_text((ROOT / "requirements/dev.txt").read_text())  # the build backend is in it
    environment = replace(workspace, packages=(PACKAGE,))
    environment.ensure()
    code = "import importlib.metadata, one; print(one.__file__, importlib.metadata.version('one'))"
    where = [environment.python, "-c", code]
    found = subprocess.run(where, capture_output=True, text=True, check=True).stdout.split()
    assert found == [str(workspace.root / "one/src/one/__init__.py"), "1"]
    (workspace.root / "one/pyproject.toml").write_text(PYPROJECT.format(version="2"))
    environment.ensure()
    assert subprocess.run(where, capture_output=True, text=True, check=True).stdout.split()[1] == "2"


def test_an_environment_that_moved_is_made_again(tmp_path):
    """A virtual environment does not survive a move: its scripts name the interpreter of the old folder."""
    venv.create(tmp_path / "first", with_pip=False)
    assert is_made_here(tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "second")
    assert not is_made_here(tmp_path / "second")


@pytest.mark.parametrize(
    "settings",
    ["home = /usr/bin\nversion = 3.9.1\ncommand = python -m venv {path}\n", "home = /usr/bin\nuv = 0.9.0\n", None],
    ids=["another Python", "another tool", "none"],
)
def test_an_environment_of_another_maker_is_made_again(tmp_path, settings):
    """Another version of Python, or another tool, made it, or its making was cut off: nothing is mended in it."""
    if settings is not None:
        (tmp_path / "pyvenv.cfg").write_text(settings.format(path=tmp_path))
    assert not is_made_here(tmp_path)


def test_what_was_cut_off_is_made_again(workspace):
    """An environment without its interpreter is cleared and filled."""
    workspace.ensure()
    workspace.python.unlink()
    (workspace.path / "left").write_text("")
    workspace.ensure()
    assert workspace.python.exists()
    assert not (workspace.path / "left").exists()
