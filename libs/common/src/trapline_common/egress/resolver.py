"""From a host's name to its addresses, in threads of its own."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote

from trapline_common.egress.address_policy import Address

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Return a name's addresses. Raises ``OSError`` (``socket.gaierror``) when it has none or no server answers."""

THREADS = 16
"""Names looked up at once, in threads beside the loop's own: pages full of dead names would take all of those."""
OWN_THREADS = 4
"""The same for the names of Trapline's own services, so that no page holds their threads."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST = 254
_OLD_FORM = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}", re.ASCII | re.IGNORECASE)
"""What ``inet_aton`` reads as an address, decimal, octal or hexadecimal, in one to four numbers."""


class SystemNames:
    """A ``Resolve`` that asks the system, as every program of the machine does."""

    __slots__ = ("_threads",)

    def __init__(self, *, threads: int = THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="gate-names")

    async def __call__(self, host: str) -> list[str]:
        """Return every address, in the order in which the system would try them."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(each[4][0]) for each in found))


async def look_up(host: str, resolve: Resolve, *, within: float) -> list[Address]:
    """Return the addresses of a name or address, without zones, at least one.

    Raises ``ValueError`` for what is neither, ``socket.gaierror`` when the name has no address or no server answers
    within as many seconds.
    """
    if (address := literal(host)) is not None:
        return [address]
    if not is_name(host):
        raise ValueError(f"{host[:80]!r} is no host's name")
    try:
        async with asyncio.timeout(within):
            names = await resolve(host)
    except TimeoutError as error:
        raise socket.gaierror(socket.EAI_AGAIN, f"the name server did not answer within {within:g} s") from error
    if not names:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return [ip_address(name.partition("%")[0]) for name in names]


def literal(host: str) -> Address | None:
    """Return the address that ``host`` is, with or without brackets.

    ``None`` for a name, octal forms included, and for an address with a zone: no page of another machine needs one, and
    it would be unequal to the same address without.
    """
    try:
        address = ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address


def is_name(host: str) -> bool:
    """Tell whether ``host`` may be looked up: letters, digits, hyphen, underscore and dots, 254 of them at most."""
    return len(host) <= _LONGEST and _NAME.fullmatch(host) is not None


def dialled_host(host: str) -> str:
    """Return what a program dials that has ``host`` in a setting: escapes, zones, brackets and old forms resolved.

    A page's host needs none of this: it comes from a browser, or is in normal form. Ours is written by a person, and
    sockets take more than names: ``0x7f.1``, ``2130706433``, full-width digits and dots.
    """
    plain = unquote(host).strip().strip("[]").partition("%")[0]
    try:
        plain = plain.encode("idna").decode("ascii").rstrip(".")
        return str(IPv4Address(socket.inet_aton(plain))) if _OLD_FORM.fullmatch(plain) else plain
    except (OSError, UnicodeError):
        return plain
