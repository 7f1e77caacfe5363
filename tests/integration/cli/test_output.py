"""Standard output and standard error as they may be: closed, on a full disk; and a folder that was deleted."""

import subprocess
import sys
from pathlib import Path

import pytest

from trapline.exit_codes import ExitCode

from .conftest import Stage, environment

FULL = "trapline: standard output: No space left on device\n"
GONE = "the current folder was deleted: change into one that is there\n"


def shell(script: str, folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a script of the shell, in which ``trapline`` is this environment's command."""
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; trapline() {{ "{sys.executable}" -m trapline "$@"; }}; {script}'],
        cwd=folder, env=environment(**more), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        ("trapline runs --json > /dev/full", ExitCode.AWAY, "", FULL),
        ("trapline runs > /dev/full", ExitCode.AWAY, "", FULL),
        ("trapline --help > /dev/full", ExitCode.AWAY, "", FULL),
        ("trapline runs >&-", ExitCode.DONE, "", ""),
        ("trapline runs >&- 2>&- <&-", ExitCode.DONE, "", ""),
        ("trapline show nonsense 2> /dev/full", ExitCode.REFUSED, "", ""),
        ("trapline show nonsense 2>&-", ExitCode.REFUSED, "", ""),
        ("ulimit -f 0; trapline export 1 -o all.ndjson", ExitCode.AWAY, "", "trapline: all.ndjson: File too large\n"),
        ("mkdir gone && cd gone && rmdir ../gone && trapline runs", ExitCode.REFUSED, "", GONE),
    ],
)
def test_each_says_one_thing(
    dsn: str, stage: Stage, tmp_path: Path, script: str, code: ExitCode, out: str, err: str
) -> None:
    """What can't be printed is told where it can be, and is nobody else's fault; no traceback, no file written into."""
    assert stage.second
    done = shell(script, tmp_path, DATABASE_URL=dsn)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)
    assert not list(tmp_path.iterdir())
