"""`make setup`: the virtual environment from the hashed lock, the five packages editable, and a headless browser.

Safe to run again: a stamp holds a digest of all it depends on, so a second call takes about a second. Uses pip, so
whatever pip was told on this machine (an index, extra indexes, certificates) holds here too.
"""

import hashlib
import os
import sys
import time
import venv
from collections.abc import Iterable
from pathlib import Path

from tools import browser
from tools.packages import PACKAGES
from tools.shell import ROOT, Run, ToolError, main_guard, must, run, say

OLDEST = (3, 11)
BUILD_BACKEND = "hatchling"
"""In the development lock, so that the packages are built without a second, unhashed download."""


def digest(files: Iterable[Path], *, python: str) -> str:
    """Return a digest of ``files``' names and bytes and of the Python version that will run the environment."""
    total = hashlib.sha256(python.encode())
    for file in sorted(files):
        total.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()


def inputs(root: Path) -> list[Path]:
    """Return the files that decide what is in the environment."""
    return [root / "requirements/dev.txt", root / "tools/setup.py", *(root / p.pyproject for p in PACKAGES)]


def is_ready(environment: Path, wanted: str) -> bool:
    """Return whether ``environment`` was completed with exactly these inputs, at this very place."""
    stamp = environment / "trapline-setup"
    return (environment / "bin/python").exists() and stamp.is_file() and stamp.read_text() == f"{wanted} {environment}"


def install_packages(environment: Path) -> None:
    """Fill ``environment`` from the development lock and add the five packages editable, without their dependencies."""
    pip = [str(environment / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    say("setup: installing the locked packages (hashes checked)")
    must([*pip, "install", "-qq", "--require-hashes", "-r", "requirements/dev.txt"], step="installing the lock")
    say("setup: installing " + ", ".join(package.name for package in PACKAGES))
    editable = [argument for package in PACKAGES for argument in ("-e", package.folder)]
    must([*pip, "install", "-qq", "--no-deps", "--no-build-isolation", *editable], step="installing the packages")
    must([*pip, "check", "--quiet"], step="checking the environment")


def prepare_environment(root: Path) -> None:
    """Make ``.venv`` match the lock; does nothing when it already does."""
    environment = root / ".venv"
    wanted = digest(inputs(root), python=sys.version)
    if is_ready(environment, wanted):
        return
    say(f"setup: making .venv with Python {sys.version.split()[0]}")
    (environment / "trapline-setup").unlink(missing_ok=True)
    venv.create(environment, with_pip=True, clear=is_foreign(environment), upgrade_deps=False)
    install_packages(environment)
    (environment / "trapline-setup").write_text(f"{wanted} {environment}")


def is_foreign(environment: Path) -> bool:
    """Return whether an environment is there that another Python made: it must be cleared, not mended."""
    settings = environment / "pyvenv.cfg"
    version = ".".join(str(part) for part in sys.version_info[:3])
    return settings.is_file() and f"{version}\n" not in settings.read_text() + "\n"


def prepare_browser(run_program: Run) -> str:
    """Return the browser that will be used, installed now if there was none."""
    found = browser.find(os.environ)
    return found or browser.install(run_program, uid=os.getuid(), environ=os.environ)


def main() -> int:
    """Set everything up; one progress line per step that does something."""
    started = time.monotonic()
    if sys.version_info < OLDEST:
        raise ToolError(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
    prepare_environment(ROOT)
    say(f"setup: ready in {time.monotonic() - started:.1f} s; browser {prepare_browser(run)}")
    return 0


if __name__ == "__main__":
    main_guard(main)
