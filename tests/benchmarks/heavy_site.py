"""A site of heavy pages: scripts and styles of another host, two frames of two other sites, pictures, a request.

``python -m tests.benchmarks.heavy_site`` prints its port and serves whatever host is asked for until it is ended.
"""

import random
import struct
import zlib
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCRIPTS = 3
PICTURES = 10
_FUNCTIONS = 900
_PARAGRAPHS = 30
_LASTS = "Cache-Control: max-age=3600"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _picture(number: int) -> bytes:
    """Return a PNG of 160 x 120 coloured points."""
    points = random.Random(number)
    rows = b"".join(b"\0" + points.randbytes(160 * 3) for _ in range(120))
    head = struct.pack(">IIBBBBB", 160, 120, 8, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@cache
def _script(number: int) -> bytes:
    """Return a script of 900 functions that makes a list of 150 items."""
    functions = "\n".join(
        f"function f{number}_{k}(a, b) {{ let s = 0; for (let j = 0; j < a; j++) s += (j * {k} + b) % 7;"
        f" return {{ s, k: '{k}', n: [a, b, s] }}; }}"
        for k in range(_FUNCTIONS)
    )
    work = f"""
        window.made{number} = [];
        for (let q = 0; q < 300; q++) window.made{number}.push(f{number}_3(q, {number}));
        document.addEventListener("DOMContentLoaded", () => {{
          const list = document.createElement("ul");
          for (let q = 0; q < 150; q++) {{
            const item = document.createElement("li");
            item.textContent = `item ${{q}} of script {number}`;
            list.append(item);
          }}
          document.body.append(list);
        }});"""
    return (functions + work).encode()


def _styles() -> bytes:
    rules = "\n".join(f".c{number} {{ color: #{number:03x}; margin: {number % 9}px }}" for number in range(1500))
    return f"{rules}\nbody {{ font-family: sans-serif }}".encode()


def _page(name: str, port: int) -> bytes:
    parts = f"http://parts.test:{port}"
    scripts = "".join(f"<script src={parts}/script/{number}></script>" for number in range(SCRIPTS))
    paragraphs = "".join(
        f"<p>Paragraph {number} of {name}. {'so many words ' * 40}</p>" for number in range(_PARAGRAPHS)
    )
    pictures = "".join(f"<img src={parts}/picture/{number} width=160 height=120>" for number in range(PICTURES))
    frames = "".join(
        f"<iframe src=http://{site}.test:{port}/frame/{name} width=300 height=200></iframe>"
        for site in ("adverts", "social")
    )
    asks = f"<script>fetch('/more/{name}').then((r) => r.json()).then((more) => document.title += more.text)</script>"
    head = f"<!doctype html><title>Heavy {name}</title><link rel=stylesheet href={parts}/styles>{scripts}"
    return f"{head}<h1>Page {name}</h1>{paragraphs}{pictures}{frames}{asks}".encode()


def answer(path: str, port: int) -> tuple[str, str, bytes] | None:
    """Return kind, a header and body for ``path``; ``None``: not found."""
    _, kind, name, *_ = [*path.partition("?")[0].split("/"), "", ""]
    match kind:
        case "page":
            return "text/html; charset=utf-8", f"Set-Cookie: page={name}; Path=/", _page(name, port)
        case "frame":
            parts = f"http://parts.test:{port}"
            body = f"<!doctype html><script src={parts}/script/0></script><p>frame</p><img src={parts}/picture/1>"
            return "text/html", "Set-Cookie: frame=1; Path=/", body.encode()
        case "more":
            return "application/json", "Cache-Control: no-store", b'{"text": " and more"}'
        case "script":
            return "text/javascript", _LASTS, _script(int(name))
        case "styles":
            return "text/css", _LASTS, _styles()
        case "picture":
            return "image/png", _LASTS, _picture(int(name))
    return None


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer one request."""
        found = answer(self.path, self.connection.getsockname()[1])
        self.send_response(200 if found else 404)
        kind, header, body = found or ("text/plain", "Cache-Control: no-store", b"")
        name, _, value = header.partition(": ")
        self.send_header("Content-Type", kind)
        self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until ended."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
