"""`make test` and `make lint`: every check, all of them also after one failed, then a line on each.

The static checks and most tests run in the foreground. The tests that wait more than they compute run beside them, one
suite after the other, each with a log of its own: those of the local AWS, and in CI those of the crawler's image.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.shell import ROOT, Run, main_guard, run, say
from tools.workspace.beside import Beside, Check, Outcome, timed
from tools.workspace.packages import PACKAGES

REPORT = "build/tests.xml"
"""JUnit XML of the last `make test`, without what ran beside; `.ci/run` reads it."""
LOCAL_AWS_REPORT = "build/local-aws.xml"
"""JUnit XML of the tests of the local AWS, when they ran beside the others."""
IMAGE_REPORT = "build/image.xml"
"""JUnit XML of the tests of the crawler's image; `make test-image` writes it too."""
LOCAL_AWS_TESTS = "tests/e2e_aws"
SPREAD = ("-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder")
"""pytest-xdist: a worker for each core, each test file whole on one of them, in the order that tests/conftest.py makes.

With ``--pdb`` it starts no worker; ``-n0`` behind it turns it off.
"""
TOGETHER = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""The two accounts of tests/e2e_aws at once: one waits for its schedules' ticks most of the time."""
_TYPED = (
    *(package.module for package in PACKAGES),
    "docs.site",
    "tools",
    "tests.image.engine",
    "tests.site",
    "tests.benchmarks",
    "tests.storm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The checks of one call."""

    foreground: tuple[Check, ...]
    """One after the other, with their output shown; the quick ones first."""
    beside: tuple[Check, ...] = ()
    """One after the other, while the foreground's run."""


def plan(*, tests: bool, image: bool = False, chosen: Sequence[str] = ()) -> Plan:
    """Return what to run. ``chosen``: arguments for pytest, which then runs no more than these, and nothing beside."""
    python = (sys.executable, "-m")
    linters = str(Path(sys.executable).parent / "lint-imports")
    typed = tuple(argument for module in _TYPED for argument in ("-p", module))
    static = (
        Check(name="ruff check", command=(*python, "ruff", "check", "--quiet", ".")),
        Check(name="ruff format", command=(*python, "ruff", "format", "--check", "--quiet", ".")),
        Check(name="line length", command=(*python, "tools.workspace.line_length")),
        Check(name="import-linter", command=(linters,)),
        Check(name="mypy", command=(*python, "mypy", "--no-error-summary", *typed)),
    )
    if not tests:
        return Plan(foreground=static)
    pytest = (*python, "pytest")
    spread = (*pytest, *SPREAD, f"--junitxml={REPORT}")
    if chosen:
        return Plan(foreground=(*static, Check(name="pytest", command=(*spread, *chosen))))
    beside = [Check(name="local AWS", command=(*pytest, *TOGETHER, f"--junitxml={LOCAL_AWS_REPORT}", LOCAL_AWS_TESTS))]
    if image:
        beside.append(Check(name="image", command=(*pytest, f"--junitxml={IMAGE_REPORT}", "tests/image")))
    rest = Check(name="pytest", command=(*spread, f"--deselect={LOCAL_AWS_TESTS}"))
    return Plan(foreground=(*static, rest), beside=tuple(beside))


def run_all(wanted: Plan, run_program: Run, *, logs: Path) -> list[str]:
    """Run all of ``wanted`` and return the names of those that failed; what ran beside is shown where it failed."""
    outcomes: list[Outcome] = []
    with Beside(wanted.beside, logs=logs) as beside:
        for check in wanted.foreground:
            say(f"== {check.name}")
            outcomes.append(timed(check, run_program))
        for outcome in beside.outcomes():
            if outcome.status:
                say(f"== {outcome.name} failed; {beside.log(outcome.name)}:\n{beside.log(outcome.name).read_text()}")
            outcomes.append(outcome)
    say("\n" + "\n".join(outcome.line() for outcome in outcomes))
    return [outcome.name for outcome in outcomes if outcome.status]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks; 1 when any failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.workspace.checks", description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="only the static checks")
    parser.add_argument("--image", action="store_true", help="the tests of the crawler's image too")
    parser.add_argument("chosen", nargs="*", metavar="-- ARGUMENTS", help="for pytest, instead of all the tests")
    options = parser.parse_args(arguments)
    # A stale report must not speak for this run
    for report in (REPORT, LOCAL_AWS_REPORT, IMAGE_REPORT):
        (ROOT / report).unlink(missing_ok=True)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # The tests start Python hundreds of times; without byte code each process would compile every module again
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # The checks that run beside must not outlive a build that is cancelled
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    wanted = plan(tests=not options.no_tests, image=options.image, chosen=options.chosen)
    return 1 if run_all(wanted, run, logs=ROOT / "build/logs") else 0


if __name__ == "__main__":
    main_guard(main)
