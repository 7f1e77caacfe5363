"""An HTTP server on a free port of loopback, on threads of this process, for the sites and services of tests.

Standard library only: the demo needs it too.
"""

import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

STOP_SECONDS = 0.02
"""How long a stop may go unnoticed; the standard library's half second would be paid at the end of each test."""


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, and writes no line for each request into a test's output."""

    protocol_version = "HTTP/1.1"

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send one whole response; its length is added to ``headers``."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Stay silent."""


class LoopbackServer(ThreadingHTTPServer):
    """A thread for each connection; ``stop`` waits for none of them, since a browser keeps its connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), handler)
        self.url = f"http://{host}:{self.server_address[1]}"

    def start(self) -> None:
        """Serve on a thread until ``stop``."""
        serve = partial(self.serve_forever, poll_interval=STOP_SECONDS)
        threading.Thread(target=serve, name=type(self).__name__, daemon=True).start()

    def stop(self) -> None:
        """Take no further connection, and free the port."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a browser hangs up in the middle, or is killed."""


class Served:
    """What a server of its own answers for, while the ``with`` block lasts."""

    _server: LoopbackServer

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
