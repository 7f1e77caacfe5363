"""One connection of the browser: the handshake, the dial, then bytes both ways at the speed of the slower side."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Protocol

from trapline_crawler.proxy.socks5 import CHOSEN, NotSocksError, Reply, Target, greeting, request

HANDSHAKE_WITHIN = 10.0
"""Seconds from the connection to the whole request; a browser takes less than a millisecond."""
_MOST_EARLY = 512
"""Bytes of a handshake: 257 of greeting and 262 of request are the most that it can be."""
_RESET = struct.pack("ii", 1, 0)


class ConnectionOwner(Protocol):
    """The proxy as its connections see it."""

    def admit(self, connection: "ClientSide") -> bool:
        """Tell whether this connection may stay."""
        ...

    def carry(self, size: int) -> bool:
        """Count bytes that passed; ``False`` when the allowance is used up."""
        ...

    def gone(self, connection: "ClientSide") -> None:
        """Forget the connection, which has ended."""
        ...

    def dial(self, target: Target, new_side: Callable[[], "ServerSide"]) -> Awaitable["ServerSide | Reply"]:
        """Connect a side that ``new_side`` makes, or return the browser's reply instead."""
        ...


class _Side(asyncio.Protocol):
    """One side of a connection: the bytes it receives go to ``other``, which slows it down when it must."""

    transport: asyncio.Transport
    other: "_Side | None" = None
    ended = False

    def __init__(self, owner: ConnectionOwner) -> None:
        self.owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.owner.carry(len(data)):
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of one direction on, and keep the other."""
        self.ended = True
        if self.other is None or self.other.ended:
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            if error is None:
                self.other.transport.close()
            else:
                self.other.reset()

    def reset(self) -> None:
        """End the connection the way the other side did, so that the browser sees a reset as a reset."""
        found = self.transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class ServerSide(_Side):
    """The side towards the server."""


class ClientSide(_Side):
    """The side towards the browser."""

    def __init__(self, owner: ConnectionOwner) -> None:
        super().__init__(owner)
        self._early = b""
        self._greeted = False
        self._dialling: asyncio.Task[None] | None = None
        self._too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._too_late = asyncio.get_running_loop().call_later(HANDSHAKE_WITHIN, self.transport.abort)
        if not self.owner.admit(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
        elif self._dialling is not None or len(self._early) + len(data) > _MOST_EARLY:
            self.transport.abort()  # no browser sends before it has the reply
        else:
            self._early += data
            try:
                self._shake_hands()
            except NotSocksError:
                self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        super().connection_lost(error)
        self.owner.gone(self)

    def _shake_hands(self) -> None:
        if not self._greeted:
            size = greeting(self._early)
            if not size:
                return
            self._early, self._greeted = self._early[size:], True
            self.transport.write(CHOSEN)
        target, size = request(self._early)
        if target is not None:
            if len(self._early) > size:
                raise NotSocksError("bytes before the reply")
            if self._too_late is not None:
                self._too_late.cancel()
            self._dialling = asyncio.get_running_loop().create_task(self._connect(target))

    async def _connect(self, target: Target) -> None:
        found = await self.owner.dial(target, lambda: ServerSide(self.owner))
        if isinstance(found, Reply):
            self.transport.write(found.encode())
            self.transport.close()
            return
        if self.transport.is_closing():
            found.transport.abort()
            return
        self.transport.write(Reply.SUCCEEDED.encode())
        self.other, found.other = found, self
        if found.transport.is_closing() or found.ended:
            self.transport.close()  # the server hung up before any byte
        else:
            found.transport.resume_reading()
