"""Each distribution as it is built: what is in its wheel, and that it stands alone with what it declares."""

import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.shell import ROOT
from tools.workspace.packages import PACKAGES

NAMES = frozenset(package.name for package in PACKAGES)
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Build each wheel, with the backend that is installed: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheels")
    found = {}
    for package in PACKAGES:
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
        subprocess.run([*command, "--out-dir", str(folder / package.name), package.folder], cwd=ROOT, check=True)
        (found[package.name],) = (folder / package.name).glob("*.whl")
    return found


def wheel_metadata(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]


def wanted(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def closure(name: str, wheels: dict[str, Path]) -> tuple[set[str], set[str]]:
    """Return the workspace's and the other distributions that ``name`` declares, directly or not."""
    ours, others, waiting = set[str](), set[str](), [(name, frozenset[str]())]
    while waiting:
        current, extras = waiting.pop()
        known = ours if current in NAMES else others
        if current in known and not extras:
            continue
        known.add(current)
        found = (
            wheel_metadata(wheels[current]) if current in NAMES else map(Requirement, metadata.requires(current) or [])
        )
        waiting += [(canonicalize_name(one.name), frozenset(one.extras)) for one in found if wanted(one, set(extras))]
    return ours, others


def link_installed(names: set[str], site: Path) -> None:
    """Put distributions of this environment into ``site`` by links to their files: quick, and needs no network.

    The links take byte code along where there is some: compiling it anew takes longer than all the rest.
    """
    for name in names:
        for file in metadata.files(name) or []:
            source, target = Path(str(file.locate())), site / str(file)
            if ".." not in file.parts and "__pycache__" not in file.parts and source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source)
                if source.suffix == ".py" and (compiled := Path(cache_from_source(source))).exists():
                    linked = Path(cache_from_source(target))
                    linked.parent.mkdir(exist_ok=True)
                    linked.symlink_to(compiled)


def sql_files() -> Iterator[str]:
    source = ROOT / "libs/common/src"
    yield from (str(file.relative_to(source)) for file in source.rglob("*.sql"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_wheel_holds_what_it_must(package, wheels):
    """A wheel is typed, holds its module and every data file beside it, and nothing of another package."""
    with zipfile.ZipFile(wheels[package.name]) as archive:
        names = set(archive.namelist())
    source = ROOT / package.folder / "src"
    files = {
        str(file.relative_to(source))
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert f"{package.module}/py.typed" in names
    assert files == {name for name in names if ".dist-info/" not in name}


def test_ledger_travels_with_the_shared_library(wheels):
    """Every migration and every query is in the wheel of ``trapline-common``."""
    with zipfile.ZipFile(wheels["trapline-common"]) as archive:
        names = set(archive.namelist())
    sql = set(sql_files())
    assert sql
    assert sql <= names


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_package_stands_alone(package, wheels, tmp_path):
    """In an environment of only its wheel and what it declares, every module of a package imports."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    ours, others = closure(package.name, wheels)
    link_installed(others, site)
    for name in ours:
        with zipfile.ZipFile(wheels[name]) as archive:
            archive.extractall(site)
    command = [str(tmp_path / "env/bin/python"), "-I", "-c", IMPORT_ALL, package.module]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    foreign = {one.module for one in PACKAGES if one.name not in ours}
    assert not any((site / module).exists() for module in foreign)


def test_the_command_stands_without_the_runtime(wheels, tmp_path):
    """With the operator's dependencies alone, every module of the command imports, and `crawl` says what to install."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    groups = tomllib.loads((ROOT / "libs/cli/pyproject.toml").read_text())["dependency-groups"]
    others = closure("trapline-common", wheels)[1]
    for requirement in map(Requirement, groups["operator"]):
        others |= {requirement.name, *closure(requirement.name, wheels)[1]}
    link_installed(others, site)
    for name in ("trapline", "trapline-common"):
        with zipfile.ZipFile(wheels[name]) as archive:
            archive.extractall(site)
    python = [str(tmp_path / "env/bin/python"), "-I"]
    done = subprocess.run([*python, "-c", IMPORT_ALL, "trapline"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    crawl = [*python, "-m", "trapline", "crawl", "crawls.yaml", "--json"]
    done = subprocess.run(crawl, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install trapline" in done.stderr
