"""From a host's name to its addresses, in threads of its own."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from trapline_common.egress.address_policy import Address

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Return a name's addresses. Raises ``OSError`` (``socket.gaierror``) when it has none or no server answers."""

THREADS = 16
"""Names looked up at once, in threads beside the loop's own: pages full of dead names would take all of those."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST = 254


class SystemNames:
    """A ``Resolve`` that asks the system, as every program of the machine does."""

    __slots__ = ("_threads",)

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gate-names")

    async def __call__(self, host: str) -> list[str]:
        """Return every address, in the order in which the system would try them."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(each[4][0]) for each in found))


def literal(host: str) -> Address | None:
    """Return the address that ``host`` is, with or without brackets; ``None`` for a name, octal forms included."""
    try:
        return ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return None


def is_name(host: str) -> bool:
    """Tell whether ``host`` may be looked up: letters, digits, hyphen, underscore and dots, 254 of them at most."""
    return len(host) <= _LONGEST and _NAME.fullmatch(host) is not None
