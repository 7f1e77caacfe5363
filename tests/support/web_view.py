"""The web view on a socket of this test's own, and a client that sends exactly what a test wants to send."""

import asyncio
import gzip
import http.client
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_web.access import Access
from trapline_web.app import create_app
from trapline_web.feed_keys import FeedKeys
from trapline_web.ledger_views import Connect, LedgerViews
from trapline_web.pictures import NamedArtifacts
from trapline_web.ports import Actions, Outcome, Pictures, Place, Views
from trapline_web.serving import listen, serve_app

TOKEN = "t" * 40


@dataclass(slots=True)
class Recorded:
    """Keeps the ``Actions`` port: notes what it was asked for, and answers as it is told."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    """The command lines."""
    outcome: Outcome = field(default_factory=lambda: Outcome(exit=0, out='{"run_id": 1}', err=""))
    """The answer."""
    gate: asyncio.Event | None = None
    """Waited for before the answer."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first command."""

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Note the command."""
        self.asked.append(tuple(arguments))
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        return self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it came."""

    status: int
    """The status."""
    headers: Mapping[str, str]
    """The headers, names in lower case."""
    body: bytes
    """The body, unpacked."""

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A view that is being served."""

    port: int
    """Its port on 127.0.0.1."""
    access: Access
    """Its rights."""

    @property
    def origin(self) -> str:
        """Return scheme, address and port."""
        return f"http://127.0.0.1:{self.port}"

    async def get(self, path: str, *, entered: bool = True, **headers: str) -> Reply:
        """Ask for a path."""
        return await self.send("GET", path, entered=entered, **headers)

    async def post(self, path: str, form: Mapping[str, str], *, entered: bool = True, **headers: str) -> Reply:
        """Send a form as a browser does."""
        given = {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self.send("POST", path, body=urlencode(form), entered=entered, **given)

    async def send(
        self, method: str, path: str, *, body: str | None = None, entered: bool = True, **headers: str
    ) -> Reply:
        """Send one request; an empty header is not sent. Underscores in names stand for hyphens."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if entered:
            given.setdefault("Cookie", f"{self.access.cookie_name}={self.access.cookie}")
        return await asyncio.to_thread(self._send, method, path, body, given)

    def _send(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, text in headers.items():
                if text:
                    connection.putheader(name, text)
            data = None if body is None else body.encode()
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            got = {name.lower(): text for name, text in answer.getheaders()}
            content = answer.read()
        finally:
            connection.close()
        packed = got.get("content-encoding") == "gzip"
        return Reply(status=answer.status, headers=got, body=gzip.decompress(content) if packed else content)


@asynccontextmanager
async def served(
    dsn: str,
    artifacts: Path,
    *,
    actions: Actions | None = None,
    runs_now: bool = True,
    connect: Connect | None = None,
    views: Views | None = None,
    pictures: Pictures | None = None,
    port: int = 0,
    token: str = TOKEN,
) -> AsyncIterator[Served]:
    """Serve the ledger of ``dsn``; ``connect``: in place of a plain connection to it; ``port`` 0: any free one."""
    listener = listen("127.0.0.1", port)
    port = listener.getsockname()[1]
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    access = Access(token=token, hosts=hosts, feeds=FeedKeys(artifacts / f"keys-{port}"), port=port)

    async def plainly() -> Database:
        return await Database.connect(dsn)

    here = LedgerViews(connect or plainly)
    app = create_app(
        views=views or here,
        pictures=pictures or NamedArtifacts(fetch=DirectoryArtifacts(artifacts).get, is_named=here.is_named),
        actions=actions,
        access=access,
        place=Place(name="test", runs_now=runs_now),
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_app(app, listener, stop=stop))
    try:
        yield Served(port=port, access=access)
    finally:
        stop.set()
        await serving
        await here.close()
        listener.close()
