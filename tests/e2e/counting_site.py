"""A site on loopback with as many pages as asked for. It counts the visits of each and can hold answers back."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/favicon.ico":
            self._send(b"", 404)
            return
        self.server.arrived(path)
        if path == "/sitemap.html":
            self._send(b"<!doctype html><html><body>no sitemap</body></html>")
            return
        picture = "<img src=/picture>" if path == "/with-picture" else ""
        body = f"<!doctype html><title>{path}</title><h1>Page {path}</h1><p>Some text of {path}.</p>{picture}"
        self._send(body.encode())

    def _send(self, data: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.visits: Counter[str] = Counter()
        self.held: dict[str, threading.Event] = {}

    def arrived(self, path: str) -> None:
        with self.lock:
            self.visits[path] += 1
            gate = self.held.get(path)
        if gate is not None:
            gate.wait(120)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a browser that was killed hangs up."""


class CountingSite:
    """The site, served while the ``with`` block lasts."""

    def __enter__(self) -> Self:
        self._server = _Server()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gate in self._server.held.values():
            gate.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def visits(self, path: str) -> int:
        """Return how often ``path`` was asked for."""
        with self._server.lock:
            return self._server.visits[path]

    @contextmanager
    def hold(self, *paths: str) -> Iterator[None]:
        """Answer nothing for ``paths`` while the block lasts; what was asked meanwhile is answered at its end."""
        gate = threading.Event()
        with self._server.lock:
            self._server.held.update(dict.fromkeys(paths, gate))
        try:
            yield
        finally:
            with self._server.lock:
                for path in paths:
                    self._server.held.pop(path, None)
            gate.set()

    def release(self) -> None:
        """Answer what is held back, before the block that holds it ends."""
        with self._server.lock:
            held, self._server.held = list(self._server.held.values()), {}
        for gate in held:
            gate.set()

    def pages(self, count: int) -> list[str]:
        """Return the URLs of ``count`` pages."""
        return [f"{self.url}/p/{number}" for number in range(count)]
