"""Serves the view on a socket, beside whatever else the process does."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

_GRACE = 2
"""Seconds for requests that are under way when the view ends."""


class _Server(uvicorn.Server):
    """Leaves signals to the process that serves."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve_app(app: ASGIApp, listener: socket.socket, *, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, or this is cancelled; return within 3 s of that.

    Keeps the process's signal handlers as they are.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    # What was imported stays: a collection that walks through it costs a request 70 ms, every now and then
    gc.collect()
    gc.freeze()
    serving = asyncio.create_task(server.serve([listener]))
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        server.should_exit = True
        if not serving.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({serving}, timeout=_GRACE + 1)
        if not serving.done():
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
    if serving.done() and not serving.cancelled():
        serving.result()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises ``OSError``, its ``filename`` the address, where none can be had there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
    return made
