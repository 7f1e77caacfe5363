"""Whether an address may be dialled. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from trapline_common.egress.address_ranges import GLOBAL_UNICAST, MAPPED, NAT64, NEVER, SPECIAL, Network

Address = IPv4Address | IPv6Address

_LAST_FOUR = (MAPPED, NAT64, IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = frozenset({bytes.fromhex("00005efe"), bytes.fromhex("02005efe")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an address is not dialled."""

    why: str
    """The kind of the address, for people."""
    final: bool
    """Whether no setting opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """Which addresses may be dialled: those of the open web by default, never a metadata address (guarantee 7)."""

    allow_private: tuple[Network, ...] = ()
    """Private networks that may be dialled as well; the user sets them."""

    def refusal(self, address: Address) -> Refusal | None:
        """Return why ``address`` may not be dialled, or ``None`` when it may."""
        inner = tuple(embedded(address))
        for each in (address, *inner):
            if name := _named(each, NEVER):
                return Refusal(why=name, final=True)
        if isinstance(address, IPv6Address) and address in MAPPED:
            return self.refusal(inner[0])  # the system dials IPv4 for it
        if any(address in network for network in self.allow_private):
            return None
        if name := _named(address, SPECIAL):
            return Refusal(why=name, final=False)
        if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST and address not in NAT64:
            return Refusal(why="not given out for the Internet", final=False)
        return next(filter(None, map(self.refusal, inner)), None)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield every IPv4 address that some translation or tunnel would make of an IPv6 address."""
    if isinstance(address, IPv4Address):
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
    elif raw[8:12] in _ISATAP:
        yield IPv4Address(raw[12:])


def _named(address: Address, table: Iterable[tuple[Network, str]]) -> str | None:
    return next((name for network, name in table if address in network), None)
