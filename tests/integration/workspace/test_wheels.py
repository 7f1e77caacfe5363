"""Each distribution as it is built: what is in its wheel, and that it stands alone with what it declares."""

import subprocess
import tomllib
import zipfile
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement

from support.wheels import build_wheels, closure, empty_environment, link_installed
from tools.shell import ROOT
from tools.workspace.packages import PACKAGES

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
    """Each wheel, built once."""
    return build_wheels(tmp_path_factory.mktemp("wheels"))


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
    python, site = empty_environment(tmp_path / "env")
    ours, others = closure(package.name, wheels)
    link_installed(others, site)
    for name in ours:
        with zipfile.ZipFile(wheels[name]) as archive:
            archive.extractall(site)
    command = [str(python), "-I", "-c", IMPORT_ALL, package.module]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    foreign = {one.module for one in PACKAGES if one.name not in ours}
    assert not any((site / module).exists() for module in foreign)


def test_the_command_stands_without_the_runtime(wheels, tmp_path):
    """With the operator's dependencies alone, every module of the command imports, and `crawl` says what to install."""
    python, site = empty_environment(tmp_path / "env")
    groups = tomllib.loads((ROOT / "libs/cli/pyproject.toml").read_text())["dependency-groups"]
    others = closure("trapline-common", wheels)[1]
    for requirement in map(Requirement, groups["operator"]):
        others |= {requirement.name, *closure(requirement.name, wheels)[1]}
    link_installed(others, site)
    for name in ("trapline", "trapline-common"):
        with zipfile.ZipFile(wheels[name]) as archive:
            archive.extractall(site)
    isolated = [str(python), "-I"]
    done = subprocess.run([*isolated, "-c", IMPORT_ALL, "trapline"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    crawl = [*isolated, "-m", "trapline", "crawl", "crawls.yaml", "--json"]
    done = subprocess.run(crawl, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install trapline" in done.stderr
