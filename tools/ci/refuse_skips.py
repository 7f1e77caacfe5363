"""Reads JUnit reports and refuses them when a test was skipped, or when there were none in one of them."""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from tools.shell import ToolError, main_guard, say


def skipped(report: Path) -> tuple[int, list[str]]:
    """Return how many tests ran, and a line with name and reason for each that was skipped."""
    cases = list(ET.parse(report).getroot().iter("testcase"))
    marks = [(case, mark) for case in cases if (mark := case.find("skipped")) is not None]
    lines = [f"{case.get('classname')}::{case.get('name')}: {mark.get('message')}" for case, mark in marks]
    return len(cases) - len(marks), lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the reports named on the command line. Raises ``ToolError`` when one proves less than it should."""
    total = 0
    for report in arguments if arguments is not None else sys.argv[1:]:
        if not Path(report).is_file():
            raise ToolError(f"{report}: there is no such report; did the tests run?")
        ran, lines = skipped(Path(report))
        if lines or ran == 0:
            what = "tests were skipped:\n  " + "\n  ".join(lines) if lines else "no test ran"
            raise ToolError(f"{report}: {what}")
        total += ran
    if total == 0:
        raise ToolError("no report was named")
    say(f"{total} tests ran, none was skipped")
    return 0


if __name__ == "__main__":
    main_guard(main)
