"""A virtual environment made from a hashed lock, and made again only when something it depends on changed.

Uses pip, so whatever pip was told on this machine (an index, extra indexes, certificates) holds here too.
"""

import hashlib
import sys
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.shell import must, say
from tools.workspace.packages import Package

STAMP = "trapline-setup"
"""Written last, inside the environment: a digest of its inputs, and where it was made (environments do not move)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What should be in ``root/name``: ``lock`` (relative to ``root``), then ``packages`` editable."""

    root: Path
    name: str
    lock: str
    packages: tuple[Package, ...] = ()

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def python(self) -> Path:
        return self.path / "bin/python"

    def digest(self) -> str:
        """Return a digest of everything that decides what is in the environment."""
        files = [self.lock, *(package.pyproject for package in self.packages)]
        return f"{digest(self.root, files, python=sys.version)} {self.path}"

    def is_ready(self) -> bool:
        """Return whether it was completed from exactly these inputs, at this very place."""
        stamp = self.path / STAMP
        return self.python.exists() and stamp.is_file() and stamp.read_text() == self.digest()

    def ensure(self) -> bool:
        """Make it what it should be; return whether there was anything to do. Raises ``ToolError``."""
        if self.is_ready():
            return False
        say(f"setup: making {self.name} with Python {sys.version.split()[0]}")
        # What another tool made, or was cut off half-way, is made from scratch: venv does not write over it
        clear = is_foreign(self.path) or not (self.path / STAMP).exists()
        (self.path / STAMP).unlink(missing_ok=True)
        venv.create(self.path, with_pip=True, clear=clear)
        self._install()
        (self.path / STAMP).write_text(self.digest())
        return True

    def _install(self) -> None:
        pip = [str(self.python), "-m", "pip", "--disable-pip-version-check"]
        say(f"setup: installing {self.lock}, hashes checked")
        must([*pip, "install", "-qq", "--require-hashes", "-r", self.lock], step=f"installing {self.lock}")
        if self.packages:
            say("setup: installing " + ", ".join(package.name for package in self.packages))
            # The build backend is in the lock: no second, unhashed download
            editable = [argument for package in self.packages for argument in ("-e", package.folder)]
            command = [*pip, "install", "-qq", "--no-deps", "--no-build-isolation", *editable]
            must(command, step="installing the packages")
        must([*pip, "check", "--quiet"], step=f"checking {self.name}")


def digest(root: Path, files: Iterable[str], *, python: str) -> str:
    """Return a digest of the names and bytes of ``files`` below ``root``, and of the Python that will run them."""
    total = hashlib.sha256(python.encode())
    for file in sorted(files):
        total.update(file.encode() + b"\0" + (root / file).read_bytes() + b"\0")
    return total.hexdigest()


def is_foreign(environment: Path) -> bool:
    """Return whether another Python version or tool made the environment: it must be cleared, it can't be mended.

    uv's has no pip, and ``venv`` fails on its links.
    """
    settings = environment / "pyvenv.cfg"
    if not settings.is_file():
        return False
    pairs = dict(line.split(" = ", 1) for line in settings.read_text().splitlines() if " = " in line)
    if "uv" in pairs:
        return True
    made_by = pairs.get("version") or pairs.get("version_info", "")
    return made_by.split(".")[:2] != [str(part) for part in sys.version_info[:2]]
