"""Running other programs, and saying so."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The workspace: where the Makefile is."""

Run = Callable[[Sequence[str]], int]
"""Run a program and return its exit status; 127 when there is no such program, 124 when it took too long."""


class ToolError(Exception):
    """A step failed; ``str()`` is what a person needs to go on."""


def say(line: str) -> None:
    """Print one progress line at once, also when piped."""
    print(line, flush=True)


def run(
    command: Sequence[str], *, timeout: float = 1800, env: Mapping[str, str] | None = None, folder: Path = ROOT
) -> int:
    """Run ``command`` in ``folder`` with its output shown; ``timeout`` in seconds. See ``Run`` for the result."""
    try:
        return subprocess.run(list(command), cwd=folder, timeout=timeout, env=env, check=False).returncode
    except FileNotFoundError:
        return 127
    except subprocess.TimeoutExpired:
        return 124


def must(command: Sequence[str], *, step: str, env: Mapping[str, str] | None = None, folder: Path = ROOT) -> None:
    """Run ``command`` as ``run`` does; raise ``ToolError`` naming the step and the command when it fails."""
    status = run(command, env=env, folder=folder)
    if status:
        raise ToolError(f"{step} failed (exit {status}): {shlex.join(command)}")


def main_guard(main: Callable[[], int]) -> None:
    """Exit with what ``main`` returns; a ``ToolError`` is one line on standard error and status 1."""
    try:
        sys.exit(main())
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
