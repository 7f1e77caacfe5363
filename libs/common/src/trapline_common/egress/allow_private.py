"""Reads ``allow_private``: private networks or addresses that pages may be on, each with a port or without one."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.address_policy import PortOf
from trapline_common.egress.address_ranges import NEVER, Network

ALLOW_PRIVATE = "TRAPLINE_ALLOW_PRIVATE"
_PORT = re.compile(r"(?:\[(?P<six>[^\[\]]*)\](?P<length>/[0-9]+)?|(?P<four>[0-9./]+)):(?P<port>[0-9]{1,5})", re.ASCII)
_BRACKETS = re.compile(r"\[(?P<six>[^\[\]]*)\](?P<length>/[0-9]+)?", re.ASCII)
_OLD_FORM = IPv6Network("::/96")
_MAX_PORT = 65_535


def parse_allow_private(text: str, where: str) -> tuple[Network | PortOf, ...]:
    """Read networks or addresses separated by commas or blanks, such as ``127.0.0.1:8080`` and ``[fd12::/16]:443``.

    One without a port opens every port. Raises ``InputRefusedError`` that begins with ``where``.
    """
    return tuple(_place(word, where) for word in re.split(r"[,\s]+", text) if word)


def _place(word: str, where: str) -> Network | PortOf:
    found = _PORT.fullmatch(word)
    if found is None:
        bare = _BRACKETS.fullmatch(word)
        return _network(word if bare is None else bare["six"] + (bare["length"] or ""), word, where)
    port = int(found["port"])
    if not 1 <= port <= _MAX_PORT:
        raise InputRefusedError(f"{where}: {word}: {port} is no port; one is 1 to {_MAX_PORT}")
    network = found["four"] or found["six"] + (found["length"] or "")
    return PortOf(network=_network(network, word, where), port=port)


def _network(text: str, word: str, where: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise InputRefusedError(
            f"{where}: {word}: {error}; write 127.0.0.1:8080, [::1]:8080 or 10.1.0.0/16:443; for all ports, 10.1.0.0/16"
        ) from error
    if _inside(network, _OLD_FORM) and network.prefixlen == network.max_prefixlen and int(network[0]) >> 16:
        raise InputRefusedError(f"{where}: {word} is an address without a port; with one, write [::1]:8080")
    for never, name in NEVER:
        if _inside(network, never):
            raise InputRefusedError(f"{where}: {word} is {name}; no setting opens it")
    return network


def _inside(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)
