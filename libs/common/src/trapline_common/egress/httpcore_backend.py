"""The gate as a network backend of httpcore: every connection of a fetch, those of redirects too, passes it."""

import time
from collections.abc import Iterable

import httpcore

from trapline_common.egress.gate import Gate


class GatedNetwork(httpcore.AnyIOBackend):
    """Dials only what the gate lets through; the certificate is still checked against the name.

    Raises ``AddressRefusedError`` besides httpcore's own errors.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of ``host`` that answers within its part of ``timeout``."""
        try:
            addresses = await self._gate.addresses(host, port)
        except OSError as error:  # no name, no answer, or no descriptor left
            raise httpcore.ConnectError(str(error)) from error
        until = None if timeout is None else time.monotonic() + timeout
        for left in range(len(addresses), 0, -1):
            share = None if until is None else max(0.0, until - time.monotonic()) / left
            try:
                return await super().connect_tcp(str(addresses[-left]), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("unreachable: the gate returns at least one address")
