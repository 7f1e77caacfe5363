"""Makes the hashed locks in requirements/: one per deployable and one per environment of the workspace.

They name versions and hashes only: no index, no address, no path of the machine that made them. ``dev`` is resolved
first and constrains the others, so that what is tested is what is deployed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tools.shell import ROOT, ToolError, main_guard, must, say
from tools.workspace.packages import PACKAGES
from tools.workspace.pip_settings import uv_environment

OLDEST_PYTHON = "3.11"
"""The locks hold for this Python and newer ones, on every platform (``--universal``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One file in requirements/."""

    name: str
    """The file's name without its suffix."""
    sources: tuple[str, ...]
    """What uv reads: pyproject files, groups and extras, as its command line names them."""
    constraints: str | None = "dev"
    """The lock whose versions this one takes; ``None`` where it may choose its own."""

    @property
    def path(self) -> str:
        return f"requirements/{self.name}.txt"


_ALL = tuple(package.pyproject for package in PACKAGES)

LOCKS = (
    Lock(name="dev", sources=("--group", "pyproject.toml:dev", *_ALL), constraints=None),
    Lock(name="uv", sources=("--group", "pyproject.toml:uv")),
    Lock(name="build", sources=("--group", "pyproject.toml:build")),
    Lock(name="dispatcher", sources=("services/dispatcher/pyproject.toml",)),
    Lock(name="crawler", sources=("services/crawler/pyproject.toml",)),
    Lock(name="crawler-image", sources=("--extra", "lambda", "services/crawler/pyproject.toml")),
    Lock(name="notifier", sources=("services/notifier/pyproject.toml",)),
    Lock(name="operator", sources=("--group", "libs/cli/pyproject.toml:operator", "libs/common/pyproject.toml")),
    Lock(name="cli", sources=_ALL),
    Lock(name="bench", sources=("--group", "pyproject.toml:bench"), constraints="crawler"),
    Lock(name="terraform", sources=("--group", "pyproject.toml:terraform"), constraints=None),
    Lock(name="ministack", sources=("--group", "pyproject.toml:ministack"), constraints=None),
)


def compile_command(lock: Lock, *, upgrade: bool) -> list[str]:
    """Return the command line that writes ``lock``."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--no-emit-index-url"]
    for package in PACKAGES:
        command += ["--no-emit-package", package.name]
    if upgrade:
        command.append("--upgrade")
    if lock.constraints is not None:
        command += ["--constraints", f"requirements/{lock.constraints}.txt"]
    return [*command, "--output-file", lock.path, *lock.sources]


def offences(text: str) -> list[str]:
    """Return the lines of a lock that name an address or a path, or a requirement without a hash."""
    lines = text.splitlines()
    found = [line for line in lines if "://" in line or line.lstrip().startswith(("-e", "-r", "--index", "/", "."))]
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    return found + [line for line in pinned if "==" not in line or not line.endswith("\\")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every lock; ``--upgrade`` takes the newest versions instead of keeping what is locked."""
    parser = argparse.ArgumentParser(prog="python -m tools.workspace.lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args(arguments)
    os.environ.update(uv_environment(only_default_index=True))
    for lock in LOCKS:
        say(f"lock: {lock.path}")
        must(compile_command(lock, upgrade=options.upgrade), step=f"locking {lock.name}")
        wrong = offences((ROOT / lock.path).read_text())
        if wrong:
            raise ToolError(f"{lock.path} holds what must not be committed: {wrong[0]}")
    return 0


if __name__ == "__main__":
    main_guard(main)
