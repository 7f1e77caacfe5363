"""The ways out of one browser: a door for each of its contexts, and none for whatever belongs to no context."""

import asyncio
import socket

from trapline_common.egress.gate import Gate
from trapline_crawler.proxy.context_proxy import Door, held_port


class Doors:
    """As long as one browser lives. ``close`` closes every door that is still open, so that killing the browser is enough."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._open: set[Door] = set()
        self._held: socket.socket | None = None

    def switches(self) -> tuple[str, ...]:
        """Return the switches for the browser's launch: by itself it finds no way out, and no name."""
        if self._held is None:
            self._held = held_port()
        nowhere = f"socks5://127.0.0.1:{self._held.getsockname()[1]}"
        return (
            f"--proxy-server={nowhere}",
            "--proxy-bypass-list=<-loopback>",  # Chromium's own rule sends loopback past every proxy
            # Names are the gate's to look up. Whatever in Chromium would ask by itself, prefetch above all, is told no.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        )

    async def open(self) -> Door:
        """Open a door for a new context."""
        door = Door(self._gate)
        await door.open()
        self._open.add(door)
        return door

    async def shut(self, door: Door) -> None:
        """Close a context's door."""
        self._open.discard(door)
        await door.close()

    async def close(self) -> None:
        """Close all of them."""
        doors, self._open = self._open, set()
        await asyncio.gather(*(door.close() for door in doors))
        if self._held is not None:
            self._held.close()
            self._held = None
