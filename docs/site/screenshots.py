"""``make docs-screenshots``: photographs the web view of the demo's ledger, for the README. `make demo` comes first."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tools.shell import ROOT, ToolError, main_guard, say
from trapline_crawler.browser.find import find_browser

LEDGER = ROOT / ".trapline/demo"
"""Where `make demo` leaves its ledger and its artifacts."""
FOLDER = ROOT / "docs/static"
CHANGED = "Camp kettle"
"""The page whose price the demo changes."""
WIDTH, HEIGHT = 1280, 960
"""CSS pixels of the window, and at most of a picture."""
_LINK = re.compile(r"http://\S+/enter\?once=\S+")


@contextmanager
def view() -> Iterator[str]:
    """Serve the view of the demo's ledger, and yield its one-time link. Raises ``ToolError``."""
    if not LEDGER.is_dir():
        raise ToolError("there is no demo's ledger; run `make demo` first")
    command = [str(Path(sys.executable).parent / "trapline"), "web", "--read-only", "--port", "0"]
    with subprocess.Popen([*command, "--data-dir", str(LEDGER)], stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None, "it is a pipe"
        try:
            for line in serving.stderr:
                if link := _LINK.search(line):
                    yield link[0]
                    return
            raise ToolError("`trapline web` ended before it said where it is")
        finally:
            serving.terminate()


def main() -> int:
    """Write `web-overview.png` and `web-page.png`."""
    FOLDER.mkdir(exist_ok=True)
    browser = find_browser(os.environ.get("TRAPLINE_BROWSER")).executable
    with view() as link, sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(link, wait_until="networkidle")  # small pictures are made when they are asked for
        page.screenshot(path=FOLDER / "web-overview.png")
        page.get_by_role("link", name=CHANGED).first.click()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / "web-page.png")
        started.close()
    say(f"wrote web-overview.png and web-page.png into {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    main_guard(main)
