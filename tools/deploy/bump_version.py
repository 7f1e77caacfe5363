"""`make version`: a new version in a package's pyproject file, and its CHANGELOG's Unreleased under it."""

import subprocess
import sys
from pathlib import Path

from tools.deploy.choice import choice
from tools.shell import ROOT, ToolError
from tools.workspace.packages import Package

PARTS = ("major", "minor", "patch")
UNRELEASED = "## Unreleased\n"


def bump(package: Package, part: str, *, root: Path = ROOT) -> tuple[str, str]:
    """Give ``package`` its next version; return the old one and the new one.

    Raises ``ToolError``, and changes nothing, when the CHANGELOG does not say what is new.
    """
    choice("BUMP", part, PARTS)
    changelog = root / package.folder / "CHANGELOG.md"
    changes = changelog.read_text()
    _, heading, after = changes.partition(UNRELEASED)
    if not heading or not after.partition("\n## ")[0].strip():
        raise ToolError(f"{package.folder}/CHANGELOG.md: say under '## Unreleased' what is new, then run this again")
    command = [sys.executable, "-m", "uv", "version", "--bump", part, "--frozen", "--offline", "--directory"]
    done = subprocess.run([*command, str(root / package.folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{package.pyproject}: {done.stderr.strip()}")
    _, old, _, new = done.stdout.split()  # "trapline-crawler 0.1.0 => 0.2.0"
    changelog.write_text(changes.replace(UNRELEASED, f"## {new}\n", 1))
    return old, new
