"""Whether an address may be dialled. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from trapline_common.egress.address_ranges import GLOBAL_UNICAST, MAPPED, NAT64, NEVER, SPECIAL, Network

Address = IPv4Address | IPv6Address

_LAST_FOUR = (MAPPED, NAT64, IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
_NOT_EMBEDDING = IPv6Network("::/127")
"""``::`` and ``::1``: they lie among the IPv4-compatible addresses, and are none (RFC 4291, section 2.5.5.1)."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = bytes.fromhex("00005efe")
_NO_FLAGS = 0xFC
"""Of an ISATAP identifier's first byte: without the bits "universal" and "group", which either kind may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an address is not dialled."""

    why: str
    """The kind of the address, for people."""
    final: bool
    """Whether no setting opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortOf:
    """One TCP port of every address of a network."""

    network: Network
    """The network; of one address as a rule."""
    port: int
    """The port, 1 to 65535."""

    def __str__(self) -> str:
        """Return it as a person writes it: ``127.0.0.1/32:8080``, ``[::1/128]:8080``."""
        return (
            f"[{self.network}]:{self.port}" if isinstance(self.network, IPv6Network) else f"{self.network}:{self.port}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """Which addresses may be dialled: those of the open web by default, never a metadata address (guarantee 7)."""

    allow_private: tuple[Network | PortOf, ...] = ()
    """Private networks that may be dialled as well, on every port or on one; the user sets them."""

    def allows(self, address: Address, port: int | None = None) -> bool:
        """Tell whether the user allowed ``address`` by name; without ``port``, on every port."""
        for each in self.allow_private:
            if isinstance(each, PortOf):
                if each.port == port and address in each.network:
                    return True
            elif address in each:
                return True
        return False

    def refusal(self, address: Address, port: int | None = None) -> Refusal | None:
        """Return why ``address`` may not be dialled on ``port``, or ``None`` when it may; no port: on every port."""
        inner = tuple(embedded(address))
        for each in (address, *inner):
            if name := _named(each, NEVER):
                return Refusal(why=name, final=True)
        if isinstance(address, IPv6Address) and address in MAPPED:
            return self.refusal(inner[0], port)  # the system dials IPv4 for it
        if self.allows(address, port):
            return None
        if name := _named(address, SPECIAL):
            return Refusal(why=name, final=False)
        if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST and address not in NAT64:
            return Refusal(why="not given out for the Internet", final=False)
        return next(filter(None, (self.refusal(each, port) for each in inner)), None)


def notations(address: Address) -> tuple[Address, ...]:
    """Return the address that the system dials, and every IPv4 address that some network may make of it."""
    plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    return plain, *embedded(plain)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield every IPv4 address that some translation or tunnel would make of an IPv6 address."""
    if isinstance(address, IPv4Address) or address in _NOT_EMBEDDING:
        return
    raw = address.packed
    if any(address in network for network in _LAST_FOUR):
        yield IPv4Address(raw[12:])
    elif address in _LOCAL_NAT64:
        # RFC 6052, section 2.2: where the address lies depends on the prefix's length, which only that network knows.
        yield from map(IPv4Address, (raw[6:8] + raw[9:11], raw[7:8] + raw[9:12], raw[9:13], raw[12:]))
    elif address in _SIX_TO_FOUR:
        yield IPv4Address(raw[2:6])
    elif address in _TEREDO:
        yield IPv4Address(raw[4:8])
        yield IPv4Address(bytes(byte ^ 0xFF for byte in raw[12:]))
    elif bytes([raw[8] & _NO_FLAGS, *raw[9:12]]) == _ISATAP:
        yield IPv4Address(raw[12:])


def _named(address: Address, table: Iterable[tuple[Network, str]]) -> str | None:
    return next((name for network, name in table if address in network), None)
