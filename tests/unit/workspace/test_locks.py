import re
import tomllib

import pytest

from tools.shell import ROOT
from tools.workspace import lock
from tools.workspace.packages import PACKAGES

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)


def pins(name):
    return dict(PINNED.findall((ROOT / f"requirements/{name}.txt").read_text()))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", [one.name for one in lock.LOCKS])
def test_lock_is_hashed_and_names_no_address(name):
    """Every requirement of a lock has a hash, and no line names an index, a URL or a path."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    assert lock.offences(text) == []
    assert text.count("--hash=sha256:") >= len(pins(name)) > (0 if name in {"build", "uv"} else 5)


@pytest.mark.parametrize("name", ["uv", "build", "dispatcher", "crawler", "notifier", "cli"])
def test_what_is_deployed_is_what_is_tested(name):
    """A deployable's lock never holds another version than the development lock."""
    tested = pins("dev")
    assert {package: version for package, version in pins(name).items() if tested.get(package) != version} == {}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_dependency_is_locked(package):
    """A dependency added to a pyproject file is in the locks that install it: `make lock` was not forgotten."""
    project = tomllib.loads((ROOT / package.pyproject).read_text())["project"]
    wanted = {normal(re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0]) for line in project["dependencies"]}
    wanted -= {one.name for one in PACKAGES}
    files = ["dev", "cli"] + [one.name for one in lock.LOCKS if f"services/{one.name}" == package.folder]
    for file in files:
        assert wanted <= {normal(name) for name in pins(file)}, file


def test_locks_hold_for_every_supported_python():
    """A package with compiled parts is locked with wheels for more than the Python that made the lock."""
    hashes = (ROOT / "requirements/dev.txt").read_text().split("asyncpg==")[1].split("\n    --hash=")
    assert len([line for line in hashes if line.startswith("sha256:")]) > 20


@pytest.mark.parametrize(
    "line",
    [
        "-e ./libs/common",
        "--index-url https://example.com/simple",
        "a @ https://example.com/a.whl",
        "# made from https://example.com/simple",
        "a==1",
        "a>=1 \\\n    --hash=sha256:0",
        "/somewhere/a.whl",
    ],
)
def test_offences_are_found(line):
    """The check that guards the locks sees an address, a path, an editable, a missing hash and a missing version."""
    assert lock.offences(line)
