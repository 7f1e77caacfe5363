"""``trapline web`` as a process: its link, its end, and what it refuses."""

import asyncio
import re
import signal
import socket
import sys
import urllib.request
from pathlib import Path

from support.command import Done
from trapline_common.ledger.connection import Database


async def _start(dsn: str, folder: Path, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "trapline", "web", "--port", "0", "--data-dir", str(folder), *more,
        env={"DATABASE_URL": dsn, "PATH": "/usr/bin:/bin"}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_it_prints_a_link_serves_and_ends_with_sigterm(database: Database, dsn: str, tmp_path: Path) -> None:
    """The link opens the overview; SIGTERM ends it with 0; its token is readable by its owner alone."""
    process = await _start(dsn, tmp_path, "--at", "/failures")
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    link = re.search(r"http://127\.0\.0\.1:\d+/enter\?once=\S+", line)
    assert link is not None, line
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    text = (await asyncio.to_thread(opener.open, link[0])).read().decode()
    assert "No page fails" in text
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert (tmp_path / "web.token").stat().st_mode & 0o777 == 0o600


async def test_a_port_that_is_taken_is_refused(trapline: object, tmp_path: Path) -> None:
    """Exit code 2, and which address it is."""
    assert callable(trapline)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done: Done = await trapline("web", "--port", str(port), "--data-dir", str(tmp_path))
    assert done.code == 2
    assert f"127.0.0.1:{port}" in done.err


async def test_a_screen_is_printed_as_json(database: Database, trapline: object) -> None:
    """`trapline view` prints the model; a wrong name or number is refused in words."""
    assert callable(trapline)
    good: Done = await trapline("view", "overview")
    assert (good.code, '"problems":[' in good.out) == (0, True)
    for words, arguments in (("no screen", ("else",)), ("no run 7", ("run", "id=7")), ("NAME=VALUE", ("run", "7"))):
        refused: Done = await trapline("view", *arguments)
        assert refused.code == 2
        assert words in refused.err
