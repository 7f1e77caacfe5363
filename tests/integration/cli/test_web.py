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


def listening(port: int) -> set[str]:
    """Return the addresses of this machine at which a socket listens on ``port``, as Linux lists them."""
    found = set()
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, here, _, state, *_ = line.split()
            address, _, number = here.partition(":")
            if state == "0A" and int(number, 16) == port:
                words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
                found.add(socket.inet_ntop(family, b"".join(words)))
    return found


async def test_it_prints_a_link_serves_and_ends_with_sigterm(database: Database, dsn: str, tmp_path: Path) -> None:
    """On loopback alone the link opens the screen; SIGTERM ends it with 0; its owner alone may read its token."""
    process = await _start(dsn, tmp_path, "--at", "/failures")
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    link = re.search(r"http://127\.0\.0\.1:\d+/enter\?once=\S+", line)
    assert link is not None, line
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    text = (await asyncio.to_thread(opener.open, link[0])).read().decode()
    assert "No page fails" in text
    port = link[0].split(":")[2].partition("/")[0]
    assert listening(int(port)) == {"127.0.0.1"}
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
