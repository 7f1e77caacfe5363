"""The code of the last release, from git's history: it runs as its own processes beside today's."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

from tools.shell import ROOT

COMMIT = "4ad575cf277f8c3ebb14f3aad2a2771e4daee77e"
"""The last release. After a release: its commit here, a ledger made anew (tests/integration/upgrade/README.md)."""
_SOURCES = ("libs/common", "libs/cli", "services/dispatcher", "services/crawler", "services/notifier")


def unpack(folder: Path, *names: str) -> Path:
    """Write the last release's code, or the folders ``names`` of it, into ``folder`` and return that.

    Fails in a clone without its commit.
    """
    command = ["git", "archive", "--format=tar", COMMIT, *(names or (*_SOURCES, "tests/support"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, (
        f"the last release, {COMMIT[:12]}, is not in this clone; fetch the whole history (`git fetch --unshallow`, in "
        f"CI `fetch-depth: 0`) and run again: {done.stderr.decode(errors='replace').strip()}"
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def environment(code: Path) -> dict[str, str]:
    """Return the environment in which Python imports the release in ``code``, before the one that is installed."""
    paths = [*(str(code / source / "src") for source in _SOURCES), str(code / "tests")]
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
