"""A real HTTP server on loopback whose pages are bad in every way that a crawler meets."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

HTML = "text/html; charset=utf-8"
_CHUNK = b"<p>" + b"x" * 65_000 + b"</p>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came over the wire."""

    path: str
    """With its query."""
    headers: dict[str, str]
    """Names in lower case."""
    writer: asyncio.StreamWriter
    """Where the response goes."""
    site: "HostileSite"
    """The server that got it."""


Page = Callable[[Request], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class HostileSite:
    """The running server, and what it saw."""

    origin: str
    """Scheme, address and port; ``hostile_site`` sets it."""
    pages: Mapping[str, Page]
    """What it answers, by path."""
    seen: list[Request] = field(default_factory=list)
    """Every request, in the order in which they came."""
    redirect_to: str = "/good"
    """Where ``/elsewhere`` redirects to, and whose picture ``/foreign-image`` shows."""
    attempts: dict[str, int] = field(default_factory=dict)
    """How often each page that changes with its visits was asked for, by path."""

    def headers_of(self, path: str) -> dict[str, str]:
        """Return the headers of the last request for ``path``."""
        return next(request.headers for request in reversed(self.seen) if request.path == path)


async def answer(request: Request, body: bytes, *, status: str = "200 OK", kind: str = HTML, more: str = "") -> None:
    """Answer one request; ``more``: header lines, each with its line end."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    request.writer.write(head.encode() + body)
    await request.writer.drain()


def page(body: str, **headers: str) -> Page:
    """Return a page with a body; ``headers`` as ``answer`` takes them."""

    async def send(request: Request) -> None:
        await answer(request, f"<!doctype html><title>A page</title><body>{body}</body>".encode(), **headers)

    return send


async def _good(request: Request) -> None:
    """Answer a plain page; the link's name is in its text."""
    body = (
        "<!doctype html><title>Good</title><body><h1>Good page</h1>"
        f"<p id=price>$ 42.00</p><p id=path>{request.path}</p><p class=ad>advert 17</p>"
        f"<p id=cookie>{request.headers.get('cookie', '')}</p></body>"
    )
    await answer(request, body.encode(), more="Set-Cookie: seen=yes; Path=/\r\n")


async def _reset(request: Request) -> None:
    """Promise a long body, send a little and reset the connection."""
    request.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\nContent-Length: 100000\r\n\r\n<p>half".encode())
    await request.writer.drain()
    transport = request.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


async def _reset_at_once(request: Request) -> None:
    request.writer.transport.abort()


async def _endless(request: Request) -> None:
    """Stream until the browser goes away."""
    request.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\nConnection: close\r\n\r\n".encode())
    while True:
        request.writer.write(_CHUNK)
        await request.writer.drain()


async def _trickle(request: Request) -> None:
    """Send a little forever, so that no idle timeout would end it."""
    request.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\nConnection: close\r\n\r\n<p>start</p>".encode())
    while True:
        request.writer.write(b"<p>more</p>")
        await request.writer.drain()
        await asyncio.sleep(0.1)


async def _huge(request: Request) -> None:
    """Answer 100 MB in a comment, so that the browser need not lay it out."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\nContent-Length: 100000000\r\nConnection: close\r\n\r\n"
    request.writer.write(head.encode())
    for _ in range(1000):
        request.writer.write(b"x" * 100_000)
        await request.writer.drain()


async def _silent(request: Request) -> None:
    """Take the request and never answer; ends when the browser hangs up."""
    await asyncio.Event().wait()


async def _half_loaded(request: Request) -> None:
    await answer(request, b"<!doctype html><title>Half</title><p>text</p><img src=/silent>")


async def _elsewhere(request: Request) -> None:
    await answer(request, b"", status="302 Found", more=f"Location: {request.site.redirect_to}\r\n")


async def _foreign_image(request: Request) -> None:
    await answer(request, f"<title>I</title><body>pic<img src='{request.site.redirect_to}'>".encode())


async def _flaky(request: Request) -> None:
    """Answer 503 once, then 200."""
    count = request.site.attempts.get(request.path, 0)
    request.site.attempts[request.path] = count + 1
    if count:
        await _good(request)
    else:
        await answer(request, b"busy", status="503 Service Unavailable")


def _redirect(where: str) -> Page:
    async def send(request: Request) -> None:
        await answer(request, b"", status="302 Found", more=f"Location: {where}\r\n")

    return send


def raw(body: bytes, **headers: str) -> Page:
    """Return an answer of these bytes."""

    async def send(request: Request) -> None:
        await answer(request, body, **headers)

    return send


PAGES: dict[str, Page] = {
    "/good": _good,
    "/404": page("not here", status="404 Not Found"),
    "/404-empty": raw(b"", status="404 Not Found"),
    "/408": page("slow", status="408 Request Timeout"),
    "/429": page("calm", status="429 Too Many Requests"),
    "/500": page("broken", status="500 Internal Server Error"),
    "/204": raw(b"", status="204 No Content"),
    "/empty": raw(b""),
    "/loop": _redirect("/loop"),
    "/moved": _redirect("/moved-again"),
    "/moved-again": _redirect("/good"),
    "/elsewhere": _elsewhere,
    "/foreign-image": _foreign_image,
    "/to-file": _redirect("file:///etc/passwd"),
    "/reset": _reset,
    "/reset-at-once": _reset_at_once,
    "/endless": _endless,
    "/trickle": _trickle,
    "/huge": _huge,
    "/silent": _silent,
    "/half-loaded": _half_loaded,
    "/spin": page("<script>while (true) {}</script>"),
    "/spin-later": page("<script>addEventListener('load', () => setTimeout(() => { while (true) {} }, 20))</script>"),
    "/alerts": page("<p>after</p><script>for (let i = 0; i < 20; i++) alert(i)</script>"),
    "/alerts-forever": page("<script>while (true) alert('again')</script>"),
    "/popups": page("<p>main</p><script>for (let i = 0; i < 15; i++) window.open('/good?popup=' + i)</script>"),
    "/download": raw(b"PK", kind="application/zip", more="Content-Disposition: attachment; filename=a.zip\r\n"),
    "/pdf": raw(b"%PDF-1.4\n%%EOF\n", kind="application/pdf"),
    "/latin1": raw(
        "<title>Prix</title><p>caf\u00e9 12 \u00a3</p>".encode("latin-1"), kind="text/html; charset=iso-8859-1"
    ),
    "/not-utf8": raw(b"<title>?</title><p>caf\xe9 \xff\xfe</p>", kind=HTML),
    "/noisy": page(
        "<script>console.error('a'); console.error('b'); setTimeout(() => { throw new Error('c') })</script>"
    ),
    "/late": page(
        "<p>shell</p><script>setTimeout(() => { document.body.innerHTML += '<b id=late>$ 7</b>' }, 400)</script>"
    ),
    "/restless": page(
        "<p id=n></p><script>setInterval(() => { document.all.n.textContent = Date.now() }, 20)</script>"
    ),
    "/jump": page("<script>addEventListener('load', () => setTimeout(() => { location = '/good' }, 30))</script>"),
    "/counter": page(
        "<script>localStorage.n = 1 + Number(localStorage.n || 0); document.write('n=' + localStorage.n)</script>"
    ),
    "/worker": page(
        "<p id=w>?</p><script>navigator.serviceWorker.getRegistrations().then(r => w.textContent = r.length)</script>"
    ),
    "/two-images": page(
        "<p>pictures</p><img src=/pixel.png><img src=/pixel2.png><link rel=stylesheet href=/style.css>"
    ),
    "/pixel.png": raw(b"not a picture", kind="image/png"),
    "/style.css": raw(b"p { color: red }", kind="text/css"),
}


async def _serve(site: HostileSite, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            request = Request(path=path, headers=headers, writer=writer, site=site)
            site.seen.append(request)
            await site.pages.get(urlsplit(path).path, _good)(request)
        finally:
            writer.close()


@asynccontextmanager
async def hostile_site(
    tls: ssl.SSLContext | None = None,
    more: Mapping[str, Page] = MappingProxyType({}),
    *,
    address: str = "127.0.0.1",
) -> AsyncIterator[HostileSite]:
    """Serve every page of ``PAGES`` and of ``more`` on a free port of loopback; unknown paths answer the good page."""
    site = HostileSite(origin="", pages={**PAGES, **more})
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _serve(site, reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(accept, address, 0, ssl=tls)
    scheme = "https" if tls else "http"
    site.origin = f"{scheme}://{address}:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate that no browser trusts, made in ``folder`` by openssl."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
