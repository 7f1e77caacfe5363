"""A site on loopback with as many pages as asked for. It counts the visits of each and can hold answers back."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self

from tests.site.serving import LoopbackServer, QuietHandler


class _Handler(QuietHandler, BaseHTTPRequestHandler):
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
        self.reply(status, data, {"Content-Type": "text/html; charset=utf-8"})


class _Server(LoopbackServer):
    def __init__(self) -> None:
        super().__init__(_Handler)
        self.lock = threading.Lock()
        self.visits: Counter[str] = Counter()
        self.held: dict[str, threading.Event] = {}

    def arrived(self, path: str) -> None:
        with self.lock:
            self.visits[path] += 1
            gate = self.held.get(path)
        if gate is not None:
            gate.wait(120)


class CountingSite:
    """The site, served while the ``with`` block lasts."""

    def __enter__(self) -> Self:
        self._server = _Server()
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gate in self._server.held.values():
            gate.set()
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

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
