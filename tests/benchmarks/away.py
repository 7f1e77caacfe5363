"""A channel that is away: `trapline serve` with four channels, two of which take nothing for a while.

One answers 503 and one refuses connections; a web hook and a mail server work. Two crawls change at every tick. What is
measured is the ledger's own: the seconds from an alert to its delivery in each channel, and how many it lost.
"""

import asyncio
import itertools
import json
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from tests.benchmarks.crawl import own_environment, trapline
from tests.benchmarks.table import table
from tests.site.serving import LoopbackServer, QuietHandler
from tests.support.receivers import chat_server, mail_server
from tools.shell import ToolError, say

MOST_LATE = 5.0
"""Seconds that a working channel may be late while others are away: what the project asks for."""
CHANGING = 90.0
"""Seconds that pages go on changing after the channels are back."""
PATIENCE = 900.0
"""Seconds after that in which everything must have been told: the longest back-off of a channel is 600."""
PAGES = 4
"""Pages of each crawl that change at each visit; one more fails at every other one."""
CRAWLS = ("first", "second")
FOUND = """
    SELECT d.channel, d.status::text, d.message_id, extract(epoch FROM d.ended_at - a.created_at)::float AS late
    FROM trapline.alert a JOIN trapline.delivery d ON d.alert_id = a.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one channel got."""

    channel: str
    """Its name in the channels file."""
    away: bool
    """Whether it took nothing at first."""
    alerts: int
    """Alerts that had to go there."""
    sent: int
    """Those that were told."""
    messages: int
    """In how many messages."""
    latest: float
    """The most seconds from an alert to its delivery."""
    middle: float
    """The median of those seconds."""


def measure(folder: Path, *, seconds: float) -> list[Told]:
    """Keep two of four channels away for ``seconds``; return what each was told. Raises ``ToolError``."""
    home = folder / "away"
    data = home / "data"
    data.mkdir(parents=True)
    with ExitStack() as stack:
        site = stack.enter_context(_changing_site())
        chat, mail = stack.enter_context(chat_server()), stack.enter_context(mail_server())
        chat.broken.add("/broken")
        gone = _free_port()
        (data / "channels.yaml").write_text(
            f"broken: json://{chat.address}/broken\ngone: json://127.0.0.1:{gone}/gone\n"
            f"hook: json://{chat.address}/hook\n"
            f"mail: mailto://{mail.address}?from=trapline@example.com&to=someone@example.com\n"
        )
        (home / "crawls.yaml").write_text(_crawls(site.url))
        say(f"away: two of four channels for {seconds:.0f} s")
        with _serving(home, data):
            time.sleep(seconds)
            chat.broken.clear()
            back = stack.enter_context(chat_server(port=gone))
            say(f"away: both are back; {len(back.received)} messages there so far")
            time.sleep(CHANGING)
            site.still.set()
            rows = asyncio.run(_all_told(data))
    return [_told(channel, rows) for channel in sorted({row["channel"] for row in rows})]


def _told(channel: str, rows: Sequence[dict[str, Any]]) -> Told:
    mine = [row for row in rows if row["channel"] == channel]
    late = [row["late"] for row in mine if row["late"] is not None]
    return Told(
        channel=channel,
        away=channel in {"broken", "gone"},
        alerts=len(mine),
        sent=sum(row["status"] == "sent" for row in mine),
        messages=len({row["message_id"] for row in mine}),
        latest=max(late, default=0.0),
        middle=median(late or [0.0]),
    )


class _Site(LoopbackServer):
    """Pages with a number that grows at each visit until ``still`` is set."""

    def __init__(self) -> None:
        self.still = threading.Event()
        self._visits = Counter[str]()
        site = self

        class Handler(QuietHandler, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not site.still.is_set():
                    site._visits[self.path] += 1
                number = site._visits[self.path]
                fails = "fails" in self.path and number % 2 == 0 and not site.still.is_set()
                body = f"<!doctype html><title>t</title><p>{self.path} is at value {number} now</p>".encode()
                self.reply(500 if fails else 200, body, {"Content-Type": "text/html"})

        super().__init__(Handler)


@contextmanager
def _changing_site() -> Iterator[_Site]:
    site = _Site()
    site.start()
    try:
        yield site
    finally:
        site.stop()


def _crawls(site: str) -> str:
    crawls = {
        name: {
            "schedule": "rate(1 minute)",
            "urls": [*(f"{site}/{name}/{number}" for number in range(PAGES)), f"{site}/{name}/fails"],
        }
        for name in CRAWLS
    }
    defaults = {
        "settle": "50ms", "retries": 0, "robots": "ignore", "screenshot": "never", "alert": {"after_failures": 1}
    }  # fmt: skip
    return json.dumps({"defaults": defaults, "crawls": crawls})  # JSON is YAML


def _free_port() -> int:
    """Return a port where nobody listens: connections are refused."""
    server = LoopbackServer(QuietHandler)
    server.server_close()
    return int(server.server_address[1])


@contextmanager
def _serving(home: Path, data: Path) -> Iterator[None]:
    command = trapline("serve", str(home / "crawls.yaml"), "--no-web", "--data-dir", str(data))
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=own_environment())
        try:
            yield
            if process.poll() is not None:
                raise ToolError(f"trapline serve ended with {process.returncode}; see {home / 'serve.log'}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


async def _all_told(data: Path) -> list[dict[str, Any]]:
    """Wait until no delivery is due, and return all of them. Raises ``ToolError`` when some still are."""
    until = time.monotonic() + PATIENCE
    for waited in itertools.count():
        connection = await asyncpg.connect(
            host=str(data / "postgres"), user="postgres", database="postgres", ssl=False, timeout=30
        )
        try:
            rows = [dict(row) for row in await connection.fetch(FOUND)]
        finally:
            await connection.close()
        due = sum(row["status"] == "due" for row in rows)
        # The visits of the last tick may still be under way
        if not due and waited > 1:
            return rows
        if time.monotonic() > until:
            raise ToolError(f"{due} deliveries are still due after {PATIENCE:.0f} s")
        await asyncio.sleep(30)
    raise AssertionError("the loop ends by returning or raising")


def report(found: Sequence[Told]) -> str:
    """Return the table."""
    rows = [
        [
            one.channel + (", away at first" if one.away else ""),
            f"{one.sent}/{one.alerts}",
            str(one.messages),
            f"{one.middle:.1f}",
            f"{one.latest:.1f}",
            "all" if one.away else f"<= {MOST_LATE:g} s",
        ]
        for one in found
    ]
    head = ["channel", "told", "messages", "median, s late", "latest, s", "asked"]
    return table("Channels that are away, and the others meanwhile", head, rows)


def as_json(found: Sequence[Told]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {"channels": [asdict(one) for one in found]}
