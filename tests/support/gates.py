"""Gates for tests: their own sites are on loopback, and no test asks a name server."""

import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import Gate

LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))


class Names:
    """A ``Resolve`` that knows the names it was given; ``asked`` lists what it was asked for.

    The value is the addresses, or what to raise; several answers come one after another, and the last one stays.
    """

    def __init__(self, known: Mapping[str, Sequence[Sequence[str] | Exception]] | None = None) -> None:
        self._known = {name: list(answers) for name, answers in (known or {}).items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self._known.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def loopback_gate(names: Names | None = None) -> Gate:
    """Return a gate through which the tests' own sites are reached, and no other private address."""
    return Gate(policy=AddressPolicy(allow_private=LOOPBACK), resolve=names or Names())
