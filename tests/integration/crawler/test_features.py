"""The features that the browser is started with or without are ones that it has."""

import mmap
from pathlib import Path

import pytest

from trapline_crawler.browser import guardian
from trapline_crawler.browser.launch_options import TURNED_OFF, TURNED_ON
from trapline_crawler.browser.supervisor import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_browser_knows_each_feature_that_we_name(browser: Browser) -> None:
    """Chromium takes a name that it does not know without a word: one that it renamed would be passed in vain."""
    assert _unknown((await browser.ready()).group) == []


def _unknown(group: int) -> list[str]:
    """Return the names that are nowhere in the program of a browser."""
    programs = {Path(f"/proc/{one.pid}/exe").resolve() for one in guardian.processes() if one.group == group}
    program = max(programs, key=lambda path: path.stat().st_size)  # a smaller one is the shell of a wrapper script
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        return [name for name in (*TURNED_ON, *TURNED_OFF) if code.find(name.encode()) < 0]
