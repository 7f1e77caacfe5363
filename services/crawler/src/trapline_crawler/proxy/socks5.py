"""The part of SOCKS 5 (RFC 1928) that a browser speaks: no authentication, CONNECT. Pure.

SOCKS and not an HTTP proxy, on purpose: it carries http, https, ws and wss alike and reads none of it, so there is no
request to be smuggled past it, and connections stay as the browser keeps them.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

_VERSION = 5
_NO_AUTHENTICATION = 0
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_HEAD = 4

CHOSEN = bytes([_VERSION, _NO_AUTHENTICATION])


class Reply(IntEnum):
    """The reply to a request (RFC 1928, section 6)."""

    SUCCEEDED = 0
    FAILED = 1
    NOT_ALLOWED = 2
    HOST_UNREACHABLE = 4
    REFUSED = 5

    def encode(self) -> bytes:
        """Return the reply's bytes; the address in it is all zeros, which browsers ignore."""
        return bytes([_VERSION, self, 0, _IPV4]) + bytes(6)


class NotSocksError(ValueError):
    """The bytes are no SOCKS 5, or ask for something that a browser never asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the browser wants to connect."""

    host: str
    """The host as the browser wrote it, a name or an address."""
    port: int
    """The TCP port."""


def greeting(data: bytes) -> int:
    """Return the greeting's length, 0 while it is incomplete. Raises ``NotSocksError``."""
    if data[:1] not in {b"", bytes([_VERSION])}:
        raise NotSocksError("not version 5")
    if len(data) < 2 or len(data) < 2 + data[1]:  # noqa: PLR2004  (version, number of methods, methods)
        return 0
    size = 2 + data[1]
    if _NO_AUTHENTICATION not in data[2:size]:
        raise NotSocksError("wants to authenticate")
    return size


def request(data: bytes) -> tuple[Target | None, int]:
    """Return the target and the request's length, ``(None, 0)`` while it is incomplete. Raises ``NotSocksError``."""
    if len(data) <= _HEAD:
        return None, 0
    version, command, _, kind = data[:_HEAD]
    if version != _VERSION or command != _CONNECT:
        raise NotSocksError("not a CONNECT")
    match kind:
        case 1:
            start, size = _HEAD, 4
        case 3:
            start, size = _HEAD + 1, data[_HEAD]
        case 4:
            start, size = _HEAD, 16
        case _:
            raise NotSocksError(f"address of kind {kind}")
    end = start + size + 2
    if len(data) < end:
        return None, 0
    return Target(host=_host(kind, data[start : end - 2]), port=int.from_bytes(data[end - 2 : end])), end


def _host(kind: int, raw: bytes) -> str:
    if kind == _IPV4:
        return str(IPv4Address(raw))
    if kind == _IPV6:
        return str(IPv6Address(raw))
    try:
        return raw.decode("ascii").lower()
    except UnicodeDecodeError as error:
        raise NotSocksError("a name that is not ASCII") from error
