"""A site whose pages lead elsewhere, as their URL's query says: ``/page?kind=...&to=...``."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from html import escape
from itertools import cycle
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from support.raw_http import listening
from support.vectors import FORMS, HEADERS, LOUD, SILENT, SILENT_HEADERS

_PAC = "function FindProxyForURL(url, host) { return 'PROXY 127.0.0.9:9'; }"


def attack(origin: str, kind: str, to: str) -> str:
    """Return the URL of the page that leads to ``to`` in the way ``kind``."""
    return f"{origin}/page?kind={quote(kind)}&to={quote(to)}"


def every_attack(origin: str, targets: Sequence[str]) -> str:
    """Return the URL of the page whose frames lead to ``targets`` in every way that a page has, each way to one."""
    return f"{origin}/all?{urlencode([('to', to) for to in targets])}"


def every_form(origin: str, port: int) -> str:
    """Return the URL of the page that loads a part from ``port`` under every notation of an address."""
    return f"{origin}/forms?to={port}"


def _all(targets: Sequence[str]) -> str:
    """Return a frame for each way, whose targets take turns, and a part of each target."""
    frames = (attack("", kind, to) for kind, to in zip([*LOUD, *HEADERS], cycle(targets), strict=False))
    parts = "".join(f"<img src='{to}'>" for to in targets)
    return parts + "".join(f'<iframe src="{escape(frame)}"></iframe>' for frame in frames)


def _forms(port: str) -> str:
    lists = ", ".join(f"'{form.replace('@PORT@', port)}'" for form in FORMS.values())
    each = "new Image().src = to; fetch(to, {mode: 'no-cors'}).catch(() => 0)"
    return f"<script>for (const to of [{lists}]) {{ {each} }}</script>"


def _answer(path: str) -> tuple[str, str, str]:
    """Return status, one header, and the page."""
    parts = urlsplit(path)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    kind, to = asked.get("kind", ""), asked.get("to", "")
    if parts.path == "/all":
        return "200 OK", "X-None: 1", "<p>attack</p>" + _all(parse_qs(parts.query)["to"])
    if parts.path == "/forms":
        return "200 OK", "X-None: 1", "<p>attack</p>" + _forms(to)
    if parts.path == "/pac":
        return "200 OK", "Content-Type: application/x-ns-proxy-autoconfig", _PAC
    if kind in HEADERS or kind in SILENT_HEADERS:
        status, header = (HEADERS | SILENT_HEADERS)[kind]
        page = "<p>an answer with a header</p><img src=/picture><a id=a href=/page>x</a>"
        return status, header.replace("@TO@", to).replace("@HOST@", urlsplit(to).netloc), page
    if kind == "script":
        return "200 OK", "X-None: 1", f"<p>attack</p><script>location.href = '{to}'</script>"
    if kind == "part":
        return "200 OK", "X-None: 1", f"<p>attack</p><script>new Image().src = '{to}'</script>"
    if kind == "link":
        text = f'<p>attack</p><a id=a href="{escape(to)}">x</a><script>document.all.a.click()</script>'
        return "200 OK", "X-None: 1", text
    if kind == "frame":
        return "200 OK", "X-None: 1", f'<p>attack</p><iframe src="{escape(to)}"></iframe>'
    page = (LOUD | SILENT).get(kind, "nothing")
    return "200 OK", "X-None: 1", "<p>attack</p>" + page.replace("@TO@", to).replace("@HOST@", urlsplit(to).netloc)


@asynccontextmanager
async def attacking_site() -> AsyncIterator[str]:
    """Serve on a free port of 127.0.0.1 and yield the origin."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, header, text = _answer(head.split(" ")[1])
            body = f"<!doctype html><meta charset=utf-8>{text}".encode()
            top = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{header}\r\n"
            kind = "" if "Content-Type" in header else "Content-Type: text/html\r\n"
            writer.write(f"{top}{kind}\r\n".encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a browser that connects ahead of need, and then does not need it
        finally:
            writer.close()

    async with listening(accept) as origin:
        yield origin
