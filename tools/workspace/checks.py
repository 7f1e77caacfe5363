"""`make test` and `make lint`: every check, all of them also after one failed, then a line on each."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.shell import ROOT, Run, main_guard, run, say
from tools.workspace.packages import PACKAGES

REPORT = "build/tests.xml"
"""JUnit XML of the last `make test`; `.ci/run` reads it."""
_TYPED = (
    *(package.module for package in PACKAGES),
    "tools",
    "tests.site",
    "tests.benchmarks",
    "tests.storm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One program that must exit with 0."""

    name: str
    """What the closing lines call it."""
    command: tuple[str, ...]
    """The command line, run in the workspace."""


def checks(*, tests: bool, chosen: Sequence[str] = ()) -> list[Check]:
    """Return what to run, the quick ones first. ``chosen``: arguments that pytest takes instead of all the tests."""
    python = (sys.executable, "-m")
    linters = str(Path(sys.executable).parent / "lint-imports")
    typed = tuple(argument for module in _TYPED for argument in ("-p", module))
    found = [
        Check(name="ruff check", command=(*python, "ruff", "check", "--quiet", ".")),
        Check(name="ruff format", command=(*python, "ruff", "format", "--check", "--quiet", ".")),
        Check(name="line length", command=(*python, "tools.workspace.line_length")),
        Check(name="import-linter", command=(linters,)),
        Check(name="mypy", command=(*python, "mypy", "--no-error-summary", *typed)),
    ]
    if tests:
        found.append(Check(name="pytest", command=(*python, "pytest", f"--junitxml={REPORT}", *chosen)))
    return found


def run_all(wanted: Sequence[Check], run_program: Run) -> list[str]:
    """Run ``wanted`` in order and return the names of those that failed."""
    failed, lines = [], []
    for check in wanted:
        say(f"== {check.name}")
        started = time.monotonic()
        status = run_program(check.command)
        lines.append(f"{'ok    ' if status == 0 else 'FAILED'}  {check.name:<14} {time.monotonic() - started:6.1f} s")
        if status:
            failed.append(check.name)
    say("\n" + "\n".join(lines))
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks; 1 when any failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.workspace.checks", description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="only the static checks")
    parser.add_argument("chosen", nargs="*", metavar="-- ARGUMENTS", help="for pytest, instead of all the tests")
    options = parser.parse_args(arguments)
    # A stale report must not speak for this run
    (ROOT / REPORT).unlink(missing_ok=True)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return 1 if run_all(checks(tests=not options.no_tests, chosen=options.chosen), run) else 0


if __name__ == "__main__":
    main_guard(main)
