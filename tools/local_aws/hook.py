"""A web hook that stands for Slack: it prints what it gets into one file, and keeps it as it was in another."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

AS_SENT = "alerts.ndjson"
TO_READ = "alerts.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Writes each message to both files, whole lines at once. A context manager that closes them."""

    as_sent: TextIO
    to_read: TextIO

    @classmethod
    def to(cls, folder: Path) -> Self:
        """Open both files in ``folder`` to add to them."""
        return cls(as_sent=(folder / AS_SENT).open("a"), to_read=(folder / TO_READ).open("a"))

    def __call__(self, message: dict[str, Any]) -> None:
        print(json.dumps(message), file=self.as_sent, flush=True)
        print(f"{message.get('title', '')}\n{message.get('message', '')}\n", file=self.to_read, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.as_sent.close()
        self.to_read.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, heard: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.heard = heard


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if isinstance(message, dict):
            self.server.heard(message)
        self.send_response(HTTPStatus.OK if isinstance(message, dict) else HTTPStatus.BAD_REQUEST)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Stay silent: what counts is the message."""


@dataclass(slots=True)
class WebHook:
    """Served on loopback while the ``with`` block lasts. ``heard`` gets each message: ``title`` and ``message``."""

    heard: Callable[[dict[str, Any]], None]
    port: int = 0
    _server: _Server = field(init=False)

    def __enter__(self) -> Self:
        self._server = _Server(self.port, self.heard)
        serve = partial(self._server.serve_forever, poll_interval=0.02)  # seconds until a stop is noticed
        threading.Thread(target=serve, name="web-hook", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def channel(self) -> str:
        """The hook as an address for Apprise."""
        return f"json://127.0.0.1:{self._server.server_address[1]}/"
