"""`make setup`: the virtual environment from the hashed lock, the five packages editable, and a headless browser.

Safe to run again: a second call takes about a second.
"""

import os
import sys
import time

from tools.shell import ROOT, Run, ToolError, main_guard, run, say
from tools.workspace import browser
from tools.workspace.packages import PACKAGES
from tools.workspace.venv import Environment

OLDEST = (3, 11)

DEVELOPMENT = Environment(root=ROOT, name=".venv", lock="requirements/dev.txt", packages=PACKAGES)
PEERS = Environment(root=ROOT, name=".venv-bench", lock="requirements/bench.txt")
"""What the benchmarks compare with; apart, so that its dependencies never disturb the product's."""
LOCAL_AWS = Environment(root=ROOT, name=".venv-aws", lock="requirements/ministack.txt")
"""The emulator of `make up`, for the same reason; functions run with this environment's interpreter."""


def prepare_browser(run_program: Run) -> str:
    """Return the browser that will be used, installed now if there was none."""
    found = browser.find(os.environ)
    return found or browser.install(run_program, uid=os.getuid(), environ=os.environ)


def main() -> int:
    """Set everything up; one progress line per step that does something."""
    started = time.monotonic()
    if sys.version_info < OLDEST:
        raise ToolError(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
    DEVELOPMENT.ensure()
    chosen = prepare_browser(run)
    say(f"setup: ready in {time.monotonic() - started:.1f} s; browser {chosen}")
    return 0


if __name__ == "__main__":
    main_guard(main)
