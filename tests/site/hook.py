"""A web hook that stands for Slack: it keeps each message as it was sent in one file, and prints it into another."""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.site.serving import LoopbackServer, QuietHandler, Served

AS_SENT = "alerts.ndjson"
TO_READ = "alerts.log"


class WebHook(Served):
    """Served on loopback while the ``with`` block lasts; it adds each message (title, message) to the files."""

    def __init__(self, folder: Path) -> None:
        self._server = _Server(folder)

    @property
    def channel(self) -> str:
        """The hook as an address for Apprise."""
        return f"{self._server.url.replace('http', 'json', 1)}/"


class _Server(LoopbackServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(_Handler)
        self._folder = folder

    def keep(self, message: dict[str, Any]) -> None:
        """Add ``message`` to both files, whole lines at once."""
        with (self._folder / AS_SENT).open("a") as file:
            file.write(f"{json.dumps(message)}\n")
        with (self._folder / TO_READ).open("a") as file:
            file.write(f"{message.get('title', '')}\n{message.get('message', '')}\n\n")


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if isinstance(message, dict):
            self.server.keep(message)
        self.reply(HTTPStatus.OK if isinstance(message, dict) else HTTPStatus.BAD_REQUEST, b"", {})
