"""The pages that the last release crawled, over real HTTP on loopback; they say the same whenever they are served."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tools.shell import ROOT

FOLDER = ROOT / "tests/integration/upgrade"
_PAGES = FOLDER / "pages"


@dataclass(slots=True, kw_only=True)
class UpgradeSite:
    """``/broken.html`` answers 500; everything else is a file of ``pages``."""

    url: str
    """The site's root without a slash at its end."""
    pass_is: str = "closed"
    """What ``/news.html`` says of the pass."""
    answers_slow: threading.Event = field(default_factory=threading.Event)
    """``/slow.html`` is answered once this is set."""
    asked_slow: threading.Event = field(default_factory=threading.Event)
    """Set when a browser has asked for ``/slow.html``."""

    def config(self) -> str:
        """Return the text of the ``crawls.yaml`` for this site."""
        return (FOLDER / "crawls.yaml").read_text("utf-8").replace("@SITE@", self.url)


@contextmanager
def upgrade_site() -> Iterator[UpgradeSite]:
    """Serve the pages on a free port, as they were at the end of the last release's last crawl."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            file = _PAGES / self.path.removeprefix("/")
            if self.path == "/slow.html":
                site.asked_slow.set()
                site.answers_slow.wait(60)
            if self.path == "/broken.html":
                self._send(500, "<p>The server fell over.</p>")
            elif file.parent == _PAGES and file.is_file():
                self._send(200, file.read_text("utf-8").replace("@PASS@", site.pass_is))
            else:
                self._send(404, "<p>No such page.</p>")

        def _send(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None:
            """Say nothing: the crawler's own log says what it visited."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *arguments: object) -> None:
            """Say nothing of a browser that was killed in the middle of an answer."""

    with Server(("127.0.0.1", 0), Handler) as server:
        site = UpgradeSite(url=f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield site
        finally:
            site.answers_slow.set()
            server.shutdown()
