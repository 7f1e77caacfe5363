"""The prefixes under which this network's own NAT64 translates IPv6 to IPv4 (RFC 7050).

Such a prefix is public by its look: ``2a00:...::10.0.0.5`` would lead through the translator to ``10.0.0.5``.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from trapline_common.egress.address_policy import Address

KNOWN_NAME = "ipv4only.arpa"
"""A name that has IPv4 addresses alone (RFC 7050, section 2.2): an IPv6 address of it was made by a translator."""
TRANSLATION_TTL = 60.0
"""Seconds after which the network is asked again."""
_KNOWN = frozenset({IPv4Address("192.0.0.170"), IPv4Address("192.0.0.171")})
_LENGTHS = (32, 40, 48, 56, 64, 96)
_UNUSED = 8
"""The byte that no form of RFC 6052, section 2.2, uses for the address."""


@dataclass(slots=True, kw_only=True)
class Translation:
    """Finds the IPv4 addresses to which this network translates IPv6 addresses."""

    look_up: Callable[[str], Awaitable[Iterable[Address]]]
    """Returns a host's addresses. Raises ``OSError``."""
    clock: Callable[[], float]
    """Seconds; only differences matter."""
    _prefixes: frozenset[tuple[int, bytes]] = frozenset()
    """Length in bits, and the bytes of the prefix."""
    _until: float = float("-inf")
    """When they are too old, on ``clock``."""

    async def refresh(self) -> None:
        """Ask the network again if that was ``TRANSLATION_TTL`` ago; while it does not answer, nothing changes."""
        now = self.clock()
        if now < self._until:
            return
        try:
            found = tuple(await self.look_up(KNOWN_NAME))
        except OSError:
            self._until = now + TRANSLATION_TTL
            return
        self._prefixes = frozenset(_prefixes(found))
        self._until = now + TRANSLATION_TTL

    def inner(self, address: Address) -> Iterator[IPv4Address]:
        """Yield the IPv4 addresses to which an address is translated, none as a rule."""
        if isinstance(address, IPv6Address):
            for length, prefix in self._prefixes:
                if address.packed.startswith(prefix):
                    yield _inner(address, length)


def _prefixes(addresses: Iterable[Address]) -> Iterator[tuple[int, bytes]]:
    for address in addresses:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            for length in _LENGTHS:
                if _inner(address, length) in _KNOWN:
                    yield length, address.packed[: length // 8]


def _inner(address: IPv6Address, length: int) -> IPv4Address:
    raw = address.packed
    after = raw[length // 8 :] if length // 8 > _UNUSED else raw[length // 8 : _UNUSED] + raw[_UNUSED + 1 :]
    return IPv4Address(after[:4])
