"""The gate's settings, from the environment: what is allowed, and which endpoints are Trapline's own."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import parse_qs, unquote, urlsplit

from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.address_ranges import NEVER, Network
from trapline_common.egress.gate import Endpoint, Gate

ALLOW_PRIVATE = "TRAPLINE_ALLOW_PRIVATE"
_POSTGRES = 5432
_PLATFORM = {
    "AWS_LAMBDA_RUNTIME_API": "the Lambda Runtime API",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "the container's credentials",
    "AWS_XRAY_DAEMON_ADDRESS": "the X-Ray daemon",
}


def gate_from_env(environ: Mapping[str, str]) -> Gate:
    """Return the gate of this process. Raises ``InputRefusedError`` that names what is wrong."""
    allowed = parse_allow_private(environ.get(ALLOW_PRIVATE, ""), f"environment: {ALLOW_PRIVATE}")
    return Gate(policy=AddressPolicy(allow_private=allowed), own=tuple(own_endpoints(environ)))


def parse_allow_private(text: str, where: str) -> tuple[Network, ...]:
    """Read networks or addresses separated by commas or blanks.

    Raises ``InputRefusedError`` that begins with ``where``.
    """
    return tuple(_network(word, where) for word in re.split(r"[,\s]+", text) if word)


def _network(word: str, where: str) -> Network:
    try:
        network = ip_network(word)
    except ValueError as error:
        raise InputRefusedError(f"{where}: {error}; write 10.1.0.0/16 or 192.168.0.7") from error
    for never, name in NEVER:
        if _inside(network, never):
            raise InputRefusedError(f"{where}: {word} is {name}; no setting opens it")
    return network


def _inside(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def own_endpoints(environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Yield the endpoints that no page may reach: the database (unless on a Unix socket), the platform's services."""
    for host, port in database_hosts(environ):
        yield Endpoint(host=host, port=port, what="Trapline's own database")
    for name, what in _PLATFORM.items():
        value = environ.get(name, "")
        parts = urlsplit(value if "//" in value else f"//{value}")
        if parts.hostname:
            yield Endpoint(host=parts.hostname, port=parts.port or 80, what=what)


def database_hosts(environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the database's hosts and ports, read as libpq reads ``DATABASE_URL``: several, or in ``?host=``."""
    parts = urlsplit(environ.get("DATABASE_URL", ""))
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    hosts = parts.netloc.rpartition("@")[2] or query.get("host") or environ.get("PGHOST", "")
    default = query.get("port") or environ.get("PGPORT") or str(_POSTGRES)
    yield from _hosts(hosts.split(","), default.split(",")[0])


def _hosts(hosts: Iterable[str], default: str) -> Iterator[tuple[str, int]]:
    for each in hosts:
        host, port = unquote(each), default
        if found := re.fullmatch(r"\[(.+)\](?::(\d+))?|([^:/]+)(?::(\d+))?", host):
            host, port = found[1] or found[3], found[2] or found[4] or default
        if host and not host.startswith("/") and port.isdigit():
            yield host, int(port)
