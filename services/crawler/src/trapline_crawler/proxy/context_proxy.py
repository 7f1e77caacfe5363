"""A listening proxy on loopback for one browser context, and the reserved port where no proxy listens."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from trapline_common.domain.observation import Failure, Timings
from trapline_common.egress.gate import Gate
from trapline_crawler.proxy.connection import ClientSide, ServerSide
from trapline_crawler.proxy.dial_results import Recent, Times, failure_of
from trapline_crawler.proxy.peer_uid import other_user
from trapline_crawler.proxy.socks5 import Reply, Target

MOST_CONNECTIONS = 256
"""Connections at once through one proxy; Chromium itself opens 32, and some for WebSockets."""
CONNECT_WITHIN = 20.0
"""Seconds for all addresses of a host together."""
_LOOPBACK = "127.0.0.1"
_PORTS = {"http": 80, "https": 443}


class ContextProxy:
    """One browser context fetches everything through this proxy, and so through ``gate`` (guarantee 7).

    It works in the event loop that opened it. ``carried`` is bytes, both ways, without the handshakes. ``cuts`` grows
    each time that it cuts the context off because its allowance is used up.
    """

    def __init__(self, gate: Gate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate = gate
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._here: tuple[str, int] = (_LOOPBACK, 0)
        self._connections: set[ClientSide] = set()
        self._failures: Recent[Failure] = Recent()
        self._times: Recent[Times] = Recent()
        self._uid = os.getuid()
        self._shut = False
        self.cuts = 0
        self.carried = 0
        self.allowance = 0

    @property
    def gate(self) -> Gate:
        """What decides where the context's connections may lead."""
        return self._gate

    async def open(self) -> None:
        """Begin to listen, on a free port of 127.0.0.1."""
        self._server = await asyncio.get_running_loop().create_server(lambda: ClientSide(self), _LOOPBACK, 0)
        self._here = self._server.sockets[0].getsockname()
        self._gate.close_port(self._here[1], "Trapline's own proxy")

    async def close(self) -> None:
        """End every connection. Harmless when repeated."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._gate.reopen_port(self._here[1])
        self._cut_off()

    def shut(self) -> None:
        """End every connection and let none begin, but keep the port: the context that knows it is not gone yet."""
        self._shut = True
        self._cut_off()

    def cut(self) -> None:
        """End every connection, refuse new ones until ``allow``, and forget how the dials so far went."""
        self.allowance = self.carried - 1
        self._failures, self._times = Recent(), Recent()
        self._cut_off()

    def _cut_off(self) -> None:
        for connection in tuple(self._connections):
            connection.transport.abort()

    def context_options(self) -> dict[str, Any]:
        """Return options for a new browser context; ``bypass``: else Chromium would reach loopback directly."""
        return {"proxy": {"server": f"socks5://{_LOOPBACK}:{self._here[1]}", "bypass": "<-loopback>"}}

    def allow(self, size: int) -> None:
        """Let ``size`` more bytes through from now on; what was left of the allowance before is gone."""
        self.allowance = self.carried + size

    @property
    def spent(self) -> bool:
        """Whether the allowance was used up."""
        return self.carried > self.allowance

    def failure(self, url: str) -> Failure | None:
        """Return why the last dial to the server of ``url`` failed; ``None`` when it did not."""
        target = _target(url)
        return None if target is None else self._failures.get(target)

    def timed(self, timings: Timings, url: str) -> Timings:
        """Return ``timings`` with look-up and connection apart, as the last good dial to ``url`` took them.

        To the browser both are the wait for its proxy. TLS stays in ``connect``. A reused connection changes nothing.
        """
        target = _target(url)
        times = None if target is None else self._times.get(target)
        if times is None or not timings.connect:
            return timings
        connect = max(times.connect, timings.connect - times.dns)
        return replace(timings, dns=round(times.dns, 1), connect=round(connect, 1))

    def admit(self, connection: ClientSide) -> bool:
        """Admit the crawler's own user: another user of this machine could else reach the network through the proxy."""
        peer = connection.transport.get_extra_info("peername")
        full = self._shut or len(self._connections) >= MOST_CONNECTIONS
        if full or peer is None or other_user(peer[:2], self._here, self._uid):
            return False
        self._connections.add(connection)
        return True

    def gone(self, connection: ClientSide) -> None:
        """Forget a connection that ended."""
        self._connections.discard(connection)

    def carry(self, size: int) -> bool:
        """Count bytes. Past the allowance every connection is cut off, and ``spent`` is true from then on."""
        self.carried += size
        if not self.spent:
            return True
        self.cuts += 1
        self._cut_off()
        return False

    async def dial(self, target: Target, new_side: Callable[[], ServerSide]) -> ServerSide | Reply:
        """Look the host up once, and dial what the gate lets through, exactly that."""
        if self.spent:
            self.cuts += 1
            return Reply.NOT_ALLOWED
        try:
            start = self._clock()
            addresses = await self._gate.addresses(target.host, target.port)
            found = self._clock()
            end = await self._first([str(address) for address in addresses], target.port, new_side)
        except Exception as error:  # noqa: BLE001  (every error becomes a reply to the browser, and the visit's reason)
            failure, reply = failure_of(target, error)
            self._failures.put(_plain(target), failure)
            return reply
        times = Times(dns=(found - start) * 1000, connect=(self._clock() - found) * 1000)
        self._times.put(_plain(target), times)
        self._failures.drop(_plain(target))
        return end

    async def _first(self, addresses: list[str], port: int, new_side: Callable[[], ServerSide]) -> ServerSide:
        """Connect to the first that answers; each gets its part of the time that is left."""
        loop, until = asyncio.get_running_loop(), self._clock() + CONNECT_WITHIN
        for left in range(len(addresses), 0, -1):
            try:
                async with asyncio.timeout((until - self._clock()) / left):
                    transport, end = await loop.create_connection(new_side, addresses[-left], port)
            except OSError:
                if left == 1:
                    raise
            else:
                transport.pause_reading()  # until the browser has its reply
                return end
        raise AssertionError("unreachable: the gate returns at least one address")


def reserved_port() -> socket.socket:
    """Bind a port of loopback without listening: every dial is refused, and no other process can take the port."""
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.bind((_LOOPBACK, 0))
    return reserved


def _target(url: str) -> Target | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return None if port is None else Target(host=parts.hostname or "", port=port)


def _plain(target: Target) -> Target:
    return Target(host=target.host.strip("[]"), port=target.port)
