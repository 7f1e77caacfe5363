"""A web hook that stands for Slack: it keeps each message as it was sent in one file, and prints it into another."""

import json
import threading
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

AS_SENT = "alerts.ndjson"
TO_READ = "alerts.log"


class WebHook(ThreadingHTTPServer):
    """Served on loopback while the ``with`` block lasts; it adds each message (title, message) to the files."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._folder = folder

    def __enter__(self) -> Self:
        serve = partial(self.serve_forever, poll_interval=0.02)  # seconds until the server notices a stop
        threading.Thread(target=serve, name="web-hook", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def channel(self) -> str:
        """The hook as an address for Apprise."""
        return f"json://127.0.0.1:{self.server_address[1]}/"

    def keep(self, message: dict[str, Any]) -> None:
        """Add ``message`` to both files, whole lines at once."""
        with (self._folder / AS_SENT).open("a") as file:
            file.write(f"{json.dumps(message)}\n")
        with (self._folder / TO_READ).open("a") as file:
            file.write(f"{message.get('title', '')}\n{message.get('message', '')}\n\n")


class _Handler(BaseHTTPRequestHandler):
    server: WebHook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if isinstance(message, dict):
            self.server.keep(message)
        self.send_response(HTTPStatus.OK if isinstance(message, dict) else HTTPStatus.BAD_REQUEST)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Stay silent: the files hold the messages."""
