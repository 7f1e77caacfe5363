"""Resolves a name once, checks every address, and returns only those that may be dialled."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from trapline_common.domain.errors import RefusedError
from trapline_common.egress.address_policy import Address, AddressPolicy, Refusal, notations
from trapline_common.egress.own_addresses import is_own_interface
from trapline_common.egress.own_services import Endpoint, OwnServices
from trapline_common.egress.resolver import Resolve, SystemNames, dialled_host, literal, look_up
from trapline_common.egress.translation import Translation


class AddressRefusedError(RefusedError):
    """The host has no address that may be dialled. The text says why and, where a setting helps, which."""


@dataclass(slots=True, kw_only=True)
class Gate:
    """Guarantee 7 for everything that dials an address which a page, a sitemap or a robots file names."""

    policy: AddressPolicy
    """Which addresses may be dialled."""
    own: tuple[Endpoint, ...] = ()
    """Refused even where ``policy`` allows them: on this machine the port, elsewhere the whole address."""
    resolve: Resolve = field(default_factory=SystemNames)
    """Looks names up."""
    own_names: Resolve | None = None
    """Looks the names of ``own`` up; ``None``: as ``resolve``."""
    certificates: tuple[bytes, ...] = ()
    """Authorities that are trusted beside the public ones, each as DER: who dials through the gate checks with them."""
    lookup: float = 10.0
    """Seconds that a look-up may take."""
    is_self: Callable[[Address], bool] = is_own_interface
    """Tells the machine's own addresses, which are its loopback by another name."""
    clock: Callable[[], float] = time.monotonic
    """Seconds; only differences matter."""
    _services: OwnServices = field(init=False)
    """Where ``own`` is now."""
    _translation: Translation = field(init=False)
    """What this network makes of IPv6 addresses."""

    def __post_init__(self) -> None:
        self._services = OwnServices(
            endpoints=self.own, look_up=self._own_addresses, is_self=self.is_self, clock=self.clock
        )
        self._translation = Translation(look_up=self._own_addresses, clock=self.clock)

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of ``host`` that may be dialled on ``port``, in the resolver's order, at least one.

        Raises ``AddressRefusedError``; ``socket.gaierror`` when the name has no address or no server answers in time.
        """
        try:
            found = await look_up(host, self.resolve, within=self.lookup)
        except ValueError as error:
            raise AddressRefusedError(str(error)) from error
        await self._services.refresh()
        if any(isinstance(each, IPv6Address) and self.policy.refusal(each, port) is None for each in found):
            await self._translation.refresh()
        refusals = {address: self._refusal(address, port) for address in found}
        allowed = [address for address, refusal in refusals.items() if refusal is None]
        if allowed:
            return allowed
        address, refusal = next((each, why) for each, why in refusals.items() if why is not None)
        raise AddressRefusedError(_in_words(host, address, port, refusal))

    def close_port(self, port: int, what: str) -> None:
        """Refuse a port of this machine from now on: the process listens there itself. ``what`` is for people."""
        self._services.listening[port] = what

    def reopen_port(self, port: int) -> None:
        """Undo ``close_port``. Harmless when repeated."""
        self._services.listening.pop(port, None)

    def _refusal(self, address: Address, port: int) -> Refusal | None:
        forms = notations(address)
        plain, translated = forms[0], tuple(self._translation.inner(forms[0]))
        forms += translated
        if (ours := self._services.closed(forms, port)) is not None:
            return Refusal(why=ours, final=True)
        allowed = self.policy.allows(plain, port)
        for each in (plain, *translated):
            refusal = self.policy.refusal(each, port)
            if refusal is not None and (refusal.final or not allowed):
                return refusal
        # Checked last and for few addresses: it is the one check that asks the system.
        if not allowed and any(self.is_self(form) for form in forms if not self.policy.allows(form, port)):
            return Refusal(why="this machine itself", final=False)
        return None

    async def _own_addresses(self, host: str) -> list[Address]:
        try:
            return await look_up(dialled_host(host), self.own_names or self.resolve, within=self.lookup)
        except ValueError:
            return []  # no program can dial it


def _in_words(host: str, address: Address, port: int, refusal: Refusal) -> str:
    name = "" if literal(host) else f"{host} is "
    text = f"{name}{address} ({refusal.why}), which pages may not reach"
    if refusal.final:
        return f"{text}; no setting opens it"
    place = f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"
    return f"{text}; to visit it, allow it: --allow-private {place} or TRAPLINE_ALLOW_PRIVATE={place}"
