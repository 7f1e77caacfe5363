"""`make setup`: the virtual environment from the hashed lock, the workspace's packages editable, a headless browser.

Safe to run again: a second call takes about a second.
"""

import time

from tools.shell import ToolError, main_guard, run, say
from tools.workspace.environment import VirtualEnvironment
from tools.workspace.packages import PACKAGES
from tools.workspace.supported_platform import refuse_unsupported

DEVELOPMENT = VirtualEnvironment(name=".venv", lock="requirements/dev.txt", packages=PACKAGES)


def main() -> int:
    """Set everything up; one progress line per step that does something. Raises ``ToolError``."""
    started = time.monotonic()
    refuse_unsupported()
    DEVELOPMENT.ensure()
    # The crawler's own finder chooses the browser; it can be imported in the new environment only
    if run([str(DEVELOPMENT.python), "-m", "tools.workspace.browser"]):
        raise ToolError("setup needs a headless browser, see above")
    say(f"setup: ready in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    main_guard(main)
