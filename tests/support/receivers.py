"""What alerts are sent to in tests, on loopback: a chat that takes web hooks, and a mail server."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.site.serving import LoopbackServer, QuietHandler


@dataclass(slots=True)
class Chat:
    """What arrived, by path; ``broken`` paths answer 500, ``/hang`` not before the test ends.

    ``/busy`` answers 429 with ``busy`` as its ``Retry-After``; ``/moved/STATUS`` leads to ``/landed``;
    ``/drip`` begins an answer and says one byte of it twice a second, ``/drip-head`` one header, until the test ends.
    """

    address: str
    """Host and port."""
    received: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The bodies that were sent to each path, whatever it answered."""
    broken: set[str] = field(default_factory=set)
    """Paths that take nothing."""
    busy: str = "1"
    """The time that ``/busy`` asks for."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when the test has ended."""

    def count(self, path: str) -> int:
        """Return how often something was sent to a path."""
        return len(self.received.get(path, []))


@contextmanager
def chat_server(*, port: int = 0) -> Iterator[Chat]:
    """Serve a chat while the block lasts, on a free port if none is named."""

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.received.setdefault(self.path.rstrip("/"), []).append({})
            self.reply(200, b"ok", {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.rstrip("/")
            found.received.setdefault(path, []).append(json.loads(body))
            if path.startswith("/moved/"):
                self.reply(int(path.rpartition("/")[2]), b"", {"Location": f"http://{found.address}/landed"})
                return
            if path in {"/drip", "/drip-head"}:
                self._drip(b"X-More: 1\r\n" if path == "/drip-head" else b"x")
                return
            if path == "/hang":
                found.ended.wait()
            if path in found.broken:
                self.reply(500, b"", {})
            elif path == "/busy":
                self.reply(429, b"", {"Retry-After": found.busy})
            else:
                self.reply(200, b"ok", {})

        def _drip(self, piece: bytes) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"" if piece.endswith(b"\n") else b"\r\n"))
            with suppress(OSError):
                while not found.ended.wait(0.5):
                    self.wfile.write(piece)

    server = LoopbackServer(Handler, port=port)
    found = Chat(server.url.removeprefix("http://"))
    server.start()
    yield found
    found.ended.set()
    server.stop()


@dataclass(slots=True)
class Mailbox:
    """The mail that a server took."""

    address: str
    """Host and port."""
    mails: list[EmailMessage] = field(default_factory=list)
    """In the order in which they came."""


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """Serve as much SMTP as a sender of plain mail needs while the block lasts."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            for line in self.rfile:
                word = line[:4].upper().strip()
                self.wfile.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
                if word == b"DATA":
                    found.mails.append(message_from_bytes(self._mail(), policy=policy.default))
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    return

        def _mail(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b"."))
            return b"".join(lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Mailbox(f"127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        server.shutdown()
