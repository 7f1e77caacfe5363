"""A site that shows its visitors' key back, in every way there is."""

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from support.painted_ways import PICTURE, drawing
from tests.site.serving import LoopbackServer, QuietHandler, Served

HTML = "text/html; charset=utf-8"


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        key = self.headers.get("X-Key") or ""
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if url.path == "/drawing.svg":
            self.reply(200, drawing(key).encode(), {"Content-Type": "image/svg+xml"})
        elif url.path == "/logo.svg":
            self.reply(200, drawing("a logo").encode(), {"Content-Type": "image/svg+xml"})
        elif url.path == "/picture.png":
            self.reply(200, PICTURE, {"Content-Type": "image/png"})
        elif url.path == "/said":
            self.reply(200, f"<!doctype html><p>{unquote(url.query)}".encode(), {"Content-Type": HTML})
        elif url.path in self.server.redirects:
            self.reply(302, b"", {"Location": self.server.redirects[url.path]})
        elif (page := self.server.pages.get(unquote(url.path))) is not None:
            html = f"<!doctype html><meta charset=utf-8>{page(key)}".replace(":PORT/", f":{self.server.far_port}/")
            self.reply(200, html.encode("utf-8", "replace"), {"Content-Type": HTML} | self.server.more_headers)
        else:
            self.reply(404, b"no", {"Content-Type": HTML})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()


class _Server(LoopbackServer):
    def __init__(self, host: str, pages: Mapping[str, Callable[[str], str]], redirects: Mapping[str, str]) -> None:
        super().__init__(_Handler, host=host)
        self.pages = {"/whole": lambda key: f"<p>{key}", **pages}
        self.redirects = dict(redirects)
        self.more_headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.far_port = 0


class SecretSite(Served):
    """The site, served while the ``with`` block lasts. ``pages``: by path, what makes a page of the header ``X-Key``.

    ``redirects``: by path, where an answer 302 leads.
    """

    def __init__(
        self,
        pages: Mapping[str, Callable[[str], str]],
        *,
        redirects: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._server = _Server(host, pages, redirects or {})

    @property
    def url(self) -> str:
        return self._server.url

    def show_frames_of(self, far: "SecretSite") -> None:
        """Let pages that name the port ``PORT`` of 127.0.0.2 show frames of this other site."""
        self._server.far_port = far._server.server_address[1]

    @property
    def pages(self) -> dict[str, Callable[[str], str]]:
        """The pages, to be changed while the site is served."""
        return self._server.pages

    @property
    def redirects(self) -> dict[str, str]:
        """The redirects, to be changed likewise."""
        return self._server.redirects

    @property
    def more_headers(self) -> dict[str, str]:
        """Response headers of every page, to be changed likewise."""
        return self._server.more_headers

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """The requests that came, in order: path with query, and headers, their names in lower case."""
        return self._server.asked

    def keys_of(self, path: str) -> list[str | None]:
        """Return the header ``X-Key`` of each request for ``path``, in order."""
        return [headers.get("x-key") for asked, headers in list(self.asked) if asked.partition("?")[0] == path]
