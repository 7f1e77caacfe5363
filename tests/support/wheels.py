"""The distributions as a user installs them: their wheels, in an environment that holds nothing else."""

import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.shell import ROOT
from tools.workspace.packages import PACKAGES

NAMES = frozenset(package.name for package in PACKAGES)


def build_wheels(folder: Path) -> dict[str, Path]:
    """Build each wheel below ``folder``, with the backend that is installed: nothing is downloaded."""
    found = {}
    for package in PACKAGES:
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"]
        subprocess.run([*command, "--out-dir", str(folder / package.name), package.folder], cwd=ROOT, check=True)
        (found[package.name],) = (folder / package.name).glob("*.whl")
    return found


def wheel_metadata(wheel: Path) -> list[Requirement]:
    """Return what a wheel declares that it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]


def closure(name: str, wheels: Mapping[str, Path]) -> tuple[set[str], set[str]]:
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
        waiting += [(canonicalize_name(one.name), frozenset(one.extras)) for one in found if _wanted(one, set(extras))]
    return ours, others


def _wanted(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


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


def empty_environment(folder: Path) -> tuple[Path, Path]:
    """Make an environment without any distribution; return its Python and its ``site-packages``."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    return folder / "bin/python", site
