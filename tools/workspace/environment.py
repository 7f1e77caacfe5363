"""A virtual environment that uv fills from a hashed lock.

uv compares what is installed with the lock in milliseconds, so that nothing has to note what was done before.
"""

import platform
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from tools.shell import ROOT, must, say
from tools.workspace.packages import Package
from tools.workspace.pip_settings import uv_environment

UV_LOCK = "requirements/uv.txt"
"""uv alone; the first environment of a new machine is filled with it by pip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualEnvironment:
    """One virtual environment of the workspace and what belongs into it."""

    name: str
    """Its folder, relative to ``root``."""
    lock: str
    """The hashed requirements in it, relative to ``root``."""
    packages: tuple[Package, ...] = ()
    """Distributions of the workspace that are installed editable after the lock."""
    uv_python: Path | None = None
    """The interpreter that runs uv; ``None`` where the environment holds pip and uv itself."""
    root: Path = ROOT
    """The workspace."""

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def python(self) -> Path:
        return self.path / "bin/python"

    def ensure(self) -> None:
        """Make the environment hold what its lock says; quick when it does already. Raises ``ToolError``."""
        if not self._is_usable():
            say(f"setup: making {self.name} with Python {platform.python_version()}")
            venv.create(self.path, with_pip=self.uv_python is None, clear=True)
            if self.uv_python is None:
                command = [str(self.python), "-m", "pip", "install", "-qq", "--require-hashes", "-r", UV_LOCK]
                must(command, step="installing uv", folder=self.root)
        self._install("--require-hashes", "--requirements", self.lock)
        if self.packages:
            # The lock holds the build backend: uv downloads no second one without a hash
            editable = [argument for package in self.packages for argument in ("--editable", package.folder)]
            self._install("--no-deps", "--no-build-isolation", *editable)
        must(self._uv("check"), step=f"checking {self.name}", folder=self.root)

    def _is_usable(self) -> bool:
        """Return whether this Python made the environment in this very folder: its scripts name their interpreter."""
        if not self.python.exists() or not is_made_here(self.path):
            return False
        if self.uv_python is not None:
            return True
        return subprocess.run([self.python, "-m", "uv", "--version"], capture_output=True, check=False).returncode == 0

    def _install(self, *what: str) -> None:
        """Install without a network where uv has all of it, which is the usual case; else as pip would reach it."""
        command = self._uv("install", *what)
        offline = subprocess.run([*command, "--offline"], cwd=self.root, capture_output=True, check=False)
        if offline.returncode:
            say(f"setup: installing {what[-1]} into {self.name}")
            environ = uv_environment(python=str(self.uv_python or self.python))
            must(command, step=f"installing {what[-1]}", env=environ, folder=self.root)

    def _uv(self, action: str, *options: str) -> list[str]:
        uv = [str(self.uv_python or self.python), "-m", "uv", "pip", action]
        return [*uv, "--quiet", "--python", str(self.python), *options]


def is_made_here(path: Path) -> bool:
    """Return whether this very version of Python made the environment ``path`` in this folder."""
    try:
        settings = (path / "pyvenv.cfg").read_text()
    except FileNotFoundError:
        return False
    lines = settings.splitlines()
    here = any(line.startswith("command = ") and line.endswith(f" {path}") for line in lines)
    return here and f"version = {platform.python_version()}" in lines


PEERS = VirtualEnvironment(name=".venv-bench", lock="requirements/bench.txt", uv_python=Path(sys.executable))
"""What the benchmarks compare with; apart, so that its dependencies never disturb the product's."""
LOCAL_AWS = VirtualEnvironment(name=".venv-aws", lock="requirements/ministack.txt", uv_python=Path(sys.executable))
"""The emulator of `make up`, for the same reason; functions run with this environment's interpreter."""
SCANNER = VirtualEnvironment(name=".venv-terraform", lock="requirements/terraform.txt", uv_python=Path(sys.executable))
"""checkov, which the tests run on terraform/; it pins dozens of libraries that the product does not know."""
