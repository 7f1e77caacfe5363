"""Trapline's own services, which no page may reach: at which addresses they are now, in every notation."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from trapline_common.egress.address_policy import Address, AddressPolicy, notations

OWN_TTL = 15.0
"""Seconds after which names are looked up again: a managed database that fails over moves to another address."""
UNKNOWN_TTL = 1.0
"""The same while no name server has answered for one of the names yet."""
REMEMBERED = 3600.0
"""Seconds for which an address stays closed that a name no longer has: some names rotate through their addresses."""

_OPEN_WEB = AddressPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of Trapline's own that no page may reach: the database, the Lambda Runtime API."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    what: str
    """Its kind, for people."""
    shared: bool = False
    """Whether pages may be at its address too, as at a proxy's: its port alone is closed, and no public address."""


@dataclass(slots=True, kw_only=True)
class OwnServices:
    """Closes every one of ``endpoints``, whatever the policy allows.

    On this machine its port, at each of the machine's addresses; elsewhere its whole address.
    """

    endpoints: tuple[Endpoint, ...]
    """What is ours."""
    look_up: Callable[[str], Awaitable[Iterable[Address]]]
    """Returns a host's addresses. Raises ``OSError``."""
    is_self: Callable[[Address], bool]
    """Tells the addresses of this machine's interfaces, as they are at the moment."""
    clock: Callable[[], float]
    """Seconds; only differences matter."""
    listening: dict[int, str] = field(default_factory=dict)
    """Ports of this process itself, with their kinds for people; who listens adds and removes them."""
    _seen: dict[tuple[Endpoint, Address], float] = field(default_factory=dict)
    """When each endpoint was last found at an address."""
    _until: float = float("-inf")
    """When that is too old, on ``clock``."""
    _addresses: Mapping[Address, list[Endpoint]] = field(default_factory=dict)
    """The endpoints elsewhere, by address."""
    _ports: Mapping[int, str] = field(default_factory=dict)
    """The ports of endpoints on this machine, with their kinds."""

    async def refresh(self) -> None:
        """Look the endpoints up again if that was ``OWN_TTL`` ago; one that can't be found stays where it was."""
        now = self.clock()
        if now < self._until:
            return
        found = await asyncio.gather(*map(self._find, self.endpoints))
        for endpoint, those in zip(self.endpoints, found, strict=True):
            self._seen.update(dict.fromkeys(((endpoint, address) for address in those or ()), now))
        self._seen = {each: at for each, at in self._seen.items() if now - at < REMEMBERED}
        addresses: dict[Address, list[Endpoint]] = {}
        ports: dict[int, str] = {}
        for endpoint, address in self._seen:
            if self._is_machine(address):
                ports.setdefault(endpoint.port, endpoint.what)
            elif not (endpoint.shared and _OPEN_WEB.refusal(address) is None):
                addresses.setdefault(address, []).append(endpoint)
        self._addresses, self._ports = addresses, ports
        self._until = self.clock() + (UNKNOWN_TTL if None in found else OWN_TTL)

    async def _find(self, endpoint: Endpoint) -> list[Address] | None:
        """Return where the endpoint is, or was; ``None`` when no server answered and it was nowhere yet."""
        try:
            # All notations here too: ours may be written, or answered for, as IPv4 in IPv6, and be dialled as IPv4
            return [form for address in await self.look_up(endpoint.host) for form in notations(address)]
        except OSError as error:
            known = [address for each, address in self._seen if each == endpoint]
            return known or (None if error.errno == socket.EAI_AGAIN else [])

    def closed(self, forms: Iterable[Address], port: int) -> str | None:
        """Return which service of ours an address is on ``port``, of which ``forms`` are all its notations."""
        here = self.listening.get(port) or self._ports.get(port)
        for form in forms:
            for endpoint in self._addresses.get(form, ()):
                if endpoint.port == port or not endpoint.shared:
                    return endpoint.what
            if here is not None and self._is_machine(form):
                return here
        return None

    def _is_machine(self, address: Address) -> bool:
        return address.is_loopback or address.is_unspecified or self.is_self(address)
