"""Servers where nothing may ever arrive: they listen, count, and never answer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

FORBIDDEN = ("127.0.0.9", "::1")
"""Loopback too, so that a failing test reaches nothing else; the gates of the tests allow 127.0.0.1 alone."""


@dataclass(slots=True, kw_only=True)
class Trap:
    """One port on every forbidden address, TCP and UDP."""

    port: int = 0
    """The same on each address; ``trap`` sets it when it is 0."""
    arrivals: int = 0
    """Connections and datagrams so far."""
    seen: list[bytes] = field(default_factory=list)
    """The first bytes of each; empty where the peer sent none."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, trap: Trap) -> None:
        self._trap = trap

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._trap.arrivals += 1
        self._trap.seen.append(data)


@asynccontextmanager
async def trap(addresses: Sequence[str] = FORBIDDEN, *, port: int = 0) -> AsyncIterator[Trap]:
    """Listen on the same port, a free one by default, of every one of ``addresses``."""
    found, loop = Trap(port=port), asyncio.get_running_loop()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.arrivals += 1
        found.seen.append(await reader.read(1000))
        writer.close()

    servers, transports = [], []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = await asyncio.start_server(accept, address, found.port, family=family)
        found.port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(found), (address, found.port))
        servers.append(server)
        transports.append(transport)
    try:
        yield found
    finally:
        for each in (*servers, *transports):
            each.close()
