"""Resolves a name once, checks every address, and returns only those that may be dialled."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from trapline_common.domain.errors import RefusedError
from trapline_common.egress.address_policy import Address, AddressPolicy, Refusal
from trapline_common.egress.own_addresses import is_own_interface
from trapline_common.egress.resolver import Resolve, SystemNames, is_name, literal

OWN_TTL = 15.0
"""Seconds that the addresses of ``own`` are kept: a managed database that fails over moves to another one."""


class AddressRefusedError(RefusedError):
    """The host has no address that may be dialled. The text says why and, where a setting helps, which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of Trapline's own that no page may reach: the database, the Lambda Runtime API."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    what: str
    """Its kind, for people."""


@dataclass(slots=True, kw_only=True)
class Gate:
    """Guarantee 7 for everything that dials an address which a page, a sitemap or a robots file names."""

    policy: AddressPolicy
    """Which addresses may be dialled."""
    own: tuple[Endpoint, ...] = ()
    """Refused even where ``policy`` allows them: on loopback the port, elsewhere the whole address."""
    resolve: Resolve = field(default_factory=SystemNames)
    """Looks names up."""
    lookup: float = 10.0
    """Seconds that a look-up may take."""
    is_self: Callable[[Address], bool] = is_own_interface
    """Tells the machine's own addresses, which are its loopback by another name."""
    clock: Callable[[], float] = time.monotonic
    """Seconds; only differences matter."""
    _own: Mapping[Address, list[Endpoint]] = field(default_factory=dict)
    """The addresses of ``own``, as last looked up."""
    _own_until: float = float("-inf")
    """When they are too old, on ``clock``."""

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of ``host`` that may be dialled on ``port``, in the resolver's order, at least one.

        Raises ``AddressRefusedError``; ``socket.gaierror`` when the name has no address or no server answers in time.
        """
        found = await self._found(host)
        own = await self._own_addresses()
        refusals = {address: self._refusal(address, port, own) for address in found}
        allowed = [address for address, refusal in refusals.items() if refusal is None]
        if allowed:
            return allowed
        address, refusal = next((each, why) for each, why in refusals.items() if why is not None)
        raise AddressRefusedError(_in_words(host, address, refusal))

    async def _found(self, host: str) -> list[Address]:
        if (address := literal(host)) is not None:
            return [address]
        if not is_name(host):
            raise AddressRefusedError(f"{host[:80]!r} is no host's name")
        try:
            async with asyncio.timeout(self.lookup):
                names = await self.resolve(host)
        except TimeoutError as error:
            raise socket.gaierror(
                socket.EAI_AGAIN, f"the name server did not answer within {self.lookup:g} s"
            ) from error
        if not names:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return [ip_address(name) for name in names]

    def _refusal(self, address: Address, port: int, own: Mapping[Address, list[Endpoint]]) -> Refusal | None:
        plain = address if address.version == 4 else address.ipv4_mapped or address  # noqa: PLR2004  (IP version 4)
        for endpoint in own.get(plain, ()):
            if endpoint.port == port or not plain.is_loopback:
                return Refusal(why=endpoint.what, final=True)
        refusal = self.policy.refusal(address)
        if refusal is None and not any(plain in network for network in self.policy.allow_private):
            # Checked last and for few addresses: it is the one check that asks the system.
            return Refusal(why="this machine itself", final=False) if self.is_self(plain) else None
        return refusal

    async def _own_addresses(self) -> Mapping[Address, list[Endpoint]]:
        if self.clock() >= self._own_until:
            known: dict[Address, list[Endpoint]] = {}
            for endpoint in self.own:
                try:
                    found = await self._found(endpoint.host)
                except socket.gaierror:
                    found = [address for address, those in self._own.items() if endpoint in those]
                for address in found:
                    known.setdefault(address, []).append(endpoint)
            self._own, self._own_until = known, self.clock() + OWN_TTL
        return self._own


def _in_words(host: str, address: Address, refusal: Refusal) -> str:
    name = "" if literal(host) else f"{host} is "
    text = f"{name}{address} ({refusal.why}), which pages may not reach"
    if refusal.final:
        return f"{text}; no setting opens it"
    return f"{text}; to visit it, allow it: --allow-private {address} or TRAPLINE_ALLOW_PRIVATE={address}"
