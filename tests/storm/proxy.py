"""A TCP proxy on loopback before Postgres: it can stop forwarding on one connection without closing it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 65_536


class _Pipe:
    """One client's connection. ``frozen``: what comes from either side is held, and neither side learns of an end.

    ``deaf``: it freezes with the next answer, so that the server still gets what it answers.
    """

    def __init__(self, writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self.frozen = False
        self.deaf = False
        self._writers = writers
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._ended = False

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self.frozen = self.frozen or (self.deaf and writer is self._writers[0])
                if self.frozen:
                    self._held.append((writer, data))
                else:
                    writer.write(data)
                    await writer.drain()
        if self.frozen:
            self._ended = True
        else:
            self.close()

    def thaw(self) -> None:
        """Let everything that was held arrive, late and in order; then an end, if there was one."""
        self.frozen = self.deaf = False
        held, self._held = self._held, []
        for writer, data in held:
            with suppress(OSError, RuntimeError):  # that side is gone
                writer.write(data)
        if self._ended:
            self.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


class Proxy:
    """``freeze`` makes a connection half-open: both ends believe in it, and nothing arrives any more."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._pipes: dict[int, _Pipe] = {}
        self.port = 0

    @property
    def ports(self) -> list[int]:
        """The clients' ports of the connections that are alive."""
        return [port for port, pipe in self._pipes.items() if not pipe.frozen]

    def freeze(self, port: int) -> bool:
        """Stop forwarding for the client at ``port``; say whether there was one."""
        pipe = self._pipes.get(port)
        if pipe is None or pipe.frozen:
            return False
        pipe.frozen = True
        return True

    def thaw(self, port: int) -> None:
        """Let what the frozen connection of the client at ``port`` held arrive after all, if it is still there."""
        pipe = self._pipes.get(port)
        if pipe is not None and pipe.frozen:
            pipe.thaw()

    def freeze_at_next_answer(self) -> None:
        """Freeze each connection as soon as the server has answered once more; the client never sees that answer."""
        for pipe in self._pipes.values():
            pipe.deaf = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("peername")[1]
        try:
            upstream, to_upstream = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.close()  # Postgres is down: the client sees what it would see
            return
        pipe = self._pipes[port] = _Pipe((writer, to_upstream))
        try:
            await asyncio.gather(pipe.forward(reader, to_upstream), pipe.forward(upstream, writer))
        finally:
            if self._pipes.get(port) is pipe:
                del self._pipes[port]
            pipe.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        """Listen on a free port of loopback for as long as the block lasts."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for pipe in list(self._pipes.values()):
                pipe.close()
