"""The proxies of one browser: one for each of its contexts, and a dead port for requests that belong to no context."""

import asyncio
import socket

from trapline_common.egress.gate import Gate
from trapline_crawler.proxy.context_proxy import ContextProxy, reserved_port


class BrowserProxies:
    """Made for one browser. ``close`` closes every proxy that is still open, so that killing the browser is enough."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._open: set[ContextProxy] = set()
        self._reserved: socket.socket | None = None

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """Authorities that the browser trusts besides the public ones; see ``Gate``."""
        return self._gate.certificates

    def switches(self) -> tuple[str, ...]:
        """Return switches for the launch: without a context's proxy the browser reaches and resolves nothing."""
        if self._reserved is None:
            self._reserved = reserved_port()
        nowhere = f"socks5://127.0.0.1:{self._reserved.getsockname()[1]}"
        return (
            f"--proxy-server={nowhere}",
            "--proxy-bypass-list=<-loopback>",  # Chromium's own rule sends loopback past every proxy
            # The gate looks names up. Parts of Chromium that would ask by themselves, like prefetch, get no answer.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        )

    async def open(self) -> ContextProxy:
        """Open a proxy for a new context."""
        proxy = ContextProxy(self._gate)
        await proxy.open()
        self._open.add(proxy)
        return proxy

    async def close_one(self, proxy: ContextProxy) -> None:
        """Close a context's proxy."""
        self._open.discard(proxy)
        await proxy.close()

    async def close(self) -> None:
        """Close all of them."""
        proxies, self._open = self._open, set()
        await asyncio.gather(*(proxy.close() for proxy in proxies))
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
