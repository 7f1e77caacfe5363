"""HTTP/1.1 on loopback as far as scripted servers need it: one request, one response, then the connection closes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Handle one connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came."""

    path: str
    """With its query."""
    headers: Mapping[str, str]
    """Names in lower case; a repeated name has its last value."""
    body: bytes
    """As long as Content-Length says; empty without one."""


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request. Raises ``asyncio.IncompleteReadError`` when the client hangs up first."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(path=first.split(" ")[1], headers=headers, body=body)


def response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole response, after which the connection closes."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """Hand each connection to ``answer`` on a free port of 127.0.0.1 while the block lasts; yield the origin."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
    finally:
        server.close()
        await server.wait_closed()
