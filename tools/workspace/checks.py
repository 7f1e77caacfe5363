"""`make test` and `make lint`: every check, all of them also after one failed, then a line on each."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.shell import ROOT, Run, main_guard, run, say
from tools.workspace.packages import PACKAGES

REPORT = "build/tests.xml"
"""JUnit XML of the last `make test`; `.ci/run` reads it."""
SPREAD = ("--dist", "loadfile", "--no-loadscope-reorder")
"""pytest-xdist: each test file whole on one worker, in the order that tests/conftest.py makes."""
WAITING = 1
"""Workers besides one for each core: the files of tests/e2e_aws wait for schedules most of their minutes."""
LONGEST = 4500.0
"""Seconds for one check: less than the 90 minutes that continuous integration has for all."""
_TYPED = (
    *(package.module for package in PACKAGES),
    "docs.site",
    "tools",
    "tests.site",
    "tests.benchmarks",
    "tests.storm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One program that must exit with 0."""

    name: str
    """How the closing lines call it."""
    command: tuple[str, ...]
    """The program and its arguments; it runs in the workspace."""


def checks(*, tests: bool, chosen: Sequence[str] = ()) -> list[Check]:
    """Return what to run, the quick ones first. ``chosen``: arguments for pytest, which then runs these tests only."""
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
        # By name, a worker for each core: with --pdb it starts none, and -n0 behind it turns it off
        workers = "logical" if chosen else str((os.cpu_count() or 1) + WAITING)
        pytest = (*python, "pytest", "-n", workers, *SPREAD, f"--junitxml={REPORT}")
        found.append(Check(name="pytest", command=(*pytest, *chosen)))
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
    # The tests start Python hundreds of times; without byte code each process would compile every module again
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    wanted = checks(tests=not options.no_tests, chosen=options.chosen)
    return 1 if run_all(wanted, partial(run, timeout=LONGEST)) else 0


if __name__ == "__main__":
    main_guard(main)
