"""A site that plants every kind of state in a browser and looks for it: plain, with TLS, and as another party.

``leak_page.html`` does what a script can; the servers do what only answers can, and know what the browser tells them.
"""

import asyncio
import base64
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .gates import Names

PAGE = Path(__file__).with_name("leak_page.html")
HOSTS = ("a.localhost", "b.localhost", "third.localhost", "secure.test")
SLOW = 2.5
"""Seconds that an answer of ``/slow`` takes; it sets a cookie."""
_YEAR = "Cache-Control: max-age=36000\r\n"
_WORKER = """
setInterval(() => { indexedDB.open("worker"); fetch("/set-cookie?worker=PLANTED"); }, 50);
self.onconnect = () => {};
"""
_HINTS = ("sec-ch-ua-arch", "device-memory", "dpr")


def names() -> Names:
    """Return where the site's hosts are."""
    return Names({host: [["127.0.0.1"]] for host in HOSTS})


@dataclass(slots=True, kw_only=True)
class LeakSite:
    """The running servers, and what they saw."""

    port: int = 0
    """Of the plain server."""
    tls: int = 0
    """Of the one with TLS."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each path was asked for, with its method where that is not GET."""
    connections: int = 0
    """Connections that are open."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Lets ``/held`` answer."""
    _numbers: "count[int]" = field(default_factory=count)

    def url(self, query: str, host: str = "a.localhost") -> str:
        """Return the page's URL; the query says what it does."""
        return f"http://{host}:{self.port}/page?{query}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                await reader.readexactly(int(headers.get("content-length", 0)))
                path, _, query = target.partition("?")
                self.asked[path if method == "GET" else f"{method} {path}"] += 1
                status, kind, more, body = await self._answer(path, query, method, headers, writer)
                more += f"Access-Control-Allow-Origin: {headers.get('origin', '*')}\r\n"
                more += "Access-Control-Allow-Credentials: true\r\n"
                if "Cache-Control" not in more:
                    more += "Cache-Control: no-store\r\n"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
                if "Connection: close" in more:
                    break
        self.connections -= 1
        writer.close()

    async def _answer(  # noqa: C901, PLR0912  (a table of paths)
        self, path: str, query: str, method: str, headers: dict[str, str], writer: asyncio.StreamWriter
    ) -> tuple[str, str, str, bytes]:
        """Return status, kind, header lines and body."""
        secure = writer.get_extra_info("ssl_object")
        new = str(next(self._numbers)).encode()
        more, kind, body = "", "text/plain", b"ok"
        if method == "OPTIONS":
            more = "Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: x-a\r\n"
            return "204 No Content", kind, more + "Access-Control-Max-Age: 3600\r\n", b""
        match path:
            case "/page":
                return self._page(query, headers)
            case "/held":
                await self.released.wait()
            case "/worker":
                kind, body = "text/javascript", _WORKER.encode()
            case "/cached":
                more, body = _YEAR, new
            case "/moved":
                return "301 Moved Permanently", kind, f"Location: /empty?{new.decode()}\r\n{_YEAR}", b""
            case "/etag":
                if tag := headers.get("if-none-match"):
                    self.asked["known etag"] += 1
                    return "304 Not Modified", kind, f"ETag: {tag}\r\nCache-Control: no-cache\r\n", b""
                more = f'ETag: "{new.decode()}"\r\nCache-Control: no-cache\r\n'
            case "/picture":
                kind, more = "image/svg+xml", _YEAR
                body = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
            case "/script":
                kind, more, body = "text/javascript", _YEAR, b"window.number=" + new
            case "/auth":
                if given := headers.get("authorization"):
                    return "200 OK", kind, "", b"knows " + base64.b64decode(given.split()[1])
                return "401 Unauthorized", kind, 'WWW-Authenticate: Basic realm="r"\r\n', b"asks"
            case "/set-cookie":
                more = f"Set-Cookie: {query}; Path=/; HttpOnly{'; Secure; SameSite=None' if secure else ''}\r\n"
                if secure:
                    more += f"Set-Cookie: own-{query}; Path=/; Secure; SameSite=None; Partitioned\r\n"
            case "/slow":
                await asyncio.sleep(SLOW)
                more = f"Set-Cookie: slow-{query}; Path=/\r\n"
            case "/cookies":
                body = headers.get("cookie", "").encode()
            case "/asked":
                body = json.dumps(self.asked).encode()
            case "/strict":
                more = "Strict-Transport-Security: max-age=36000; includeSubDomains\r\n"
            case "/dictionary":
                more = f'Use-As-Dictionary: match="/dictionary*"\r\n{_YEAR if not query else ""}'
                body = headers.get("available-dictionary", "none").encode()
            case "/other-service":
                more = f'Alt-Svc: h2="secure.test:{self.port}"; ma=36000\r\n'
                body = headers.get("alt-used", "none").encode()
            case "/resumed":
                # Its own connection each time, so that the next one has a ticket to show.
                more, body = "Connection: close\r\n", str(bool(secure and secure.session_reused)).encode()
            case "/preflight" | "/empty":
                pass
            case _:
                return "404 Not Found", kind, "", b""
        return "200 OK", kind, more, body

    def _page(self, query: str, headers: dict[str, str]) -> tuple[str, str, str, bytes]:
        site = {
            "port": self.port,
            "tls": self.tls,
            "sent": headers.get("cookie", ""),
            "hints": "|".join(headers.get(name, "") for name in _HINTS),
            "referrer": headers.get("referer", ""),
        }
        if "hop" in query and "guarded" not in query:
            where = f"http://user:PLANTED@a.localhost:{self.port}/page?{query}&guarded"
            return "302 Found", "text/plain", f"Location: {where}\r\n", b""
        if "guarded" in query and "authorization" not in headers:
            return "401 Unauthorized", "text/plain", 'WWW-Authenticate: Basic realm="r"\r\n', b"asks"
        head, more = "", f"Origin-Agent-Cluster: ?{int('look' in query)}\r\n"
        if "hints" in query:
            more += "Accept-CH: Sec-CH-UA-Arch, Device-Memory, DPR\r\n"
        if "elsewhere" in query:
            head = f"<script>location.replace('/page?{query.replace('elsewhere', '')}')</script>"
        text = PAGE.read_text(encoding="utf-8").replace("{site}", json.dumps(site).replace("<", "\\u003c"))
        return "200 OK", "text/html; charset=utf-8", more, (head or text).encode()


@asynccontextmanager
async def leak_site(tls: ssl.SSLContext) -> AsyncIterator[LeakSite]:
    """Serve, for as long as the block lasts; ``tls`` is for ``secure.test``."""
    site = LeakSite()
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await site.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    plain = await asyncio.start_server(accept, "127.0.0.1", 0)
    secure = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    site.port, site.tls = (server.sockets[0].getsockname()[1] for server in (plain, secure))
    try:
        yield site
    finally:
        plain.close()
        secure.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
