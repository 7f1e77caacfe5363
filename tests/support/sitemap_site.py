"""A real HTTP server on loopback that serves the files a test puts on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from support.raw_http import listening, read_request, response


@dataclass(slots=True, kw_only=True)
class SitemapSite:
    """The server's files, and what was asked of it."""

    origin: str = ""
    """Scheme, address and port; ``sitemap_site`` sets it."""
    files: dict[str, bytes] = field(default_factory=dict)
    """A whole response for each path; any other path is answered 404."""
    asked: list[str] = field(default_factory=list)
    """The paths, in the order in which they were asked for."""
    heads: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    """The headers of each request, names in lower case, with its path."""
    hang: asyncio.Event = field(default_factory=asyncio.Event)
    """``/hang`` is answered once this is set."""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as soon as a client waits for ``/hang``."""

    def put(self, path: str, body: bytes | str, *, status: str = "200 OK", more: str = "") -> str:
        """Serve ``body`` at ``path`` and return its URL; ``{origin}`` in a text stands for the server's."""
        data = body.replace("{origin}", self.origin).encode() if isinstance(body, str) else body
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n{more}\r\n"
        self.files[path] = head.encode() + data
        return self.origin + path

    def redirect(self, path: str, to: str) -> str:
        """Redirect ``path`` to ``to``, relative or absolute, and return its URL."""
        return self.put(path, "", status="302 Found", more=f"Location: {to}\r\n")

    def urlset(self, path: str, *entries: str) -> str:
        """Serve a sitemap of pages; an entry that begins with / is on this server."""
        return self.put(path, _xml("urlset", "url", entries))

    def index(self, path: str, *entries: str) -> str:
        """Serve an index of sitemaps."""
        return self.put(path, _xml("sitemapindex", "sitemap", entries))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        request = await read_request(reader)
        path = request.path
        self.heads.append((path, request.headers))
        self.asked.append(path)
        if path == "/hang":
            self.hanging.set()
            await self.hang.wait()
        writer.write(self.files.get(path, response(404, b"")))
        writer.close()


def _xml(root: str, entry: str, entries: tuple[str, ...]) -> str:
    locs = "".join(
        f"<{entry}><loc>{'{origin}' if item.startswith('/') else ''}{item}</loc></{entry}>" for item in entries
    )
    return f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</{root}>'


@asynccontextmanager
async def sitemap_site() -> AsyncIterator[SitemapSite]:
    """Run the server for as long as the block lasts."""
    site = SitemapSite()
    async with listening(site.answer) as site.origin:
        try:
            yield site
        finally:
            site.hang.set()
