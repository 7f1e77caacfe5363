"""The gate's settings, from the environment: what is allowed, what is Trapline's own, whom TLS trusts besides."""

from collections.abc import Mapping

from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.allow_private import ALLOW_PRIVATE, parse_allow_private
from trapline_common.egress.certificates import certificates_from_env
from trapline_common.egress.gate import Gate
from trapline_common.egress.own_endpoints import own_endpoints
from trapline_common.egress.resolver import OWN_THREADS, SystemNames


def gate_from_env(environ: Mapping[str, str]) -> Gate:
    """Return the gate of this process. Raises ``InputRefusedError`` that names what is wrong."""
    allowed = parse_allow_private(environ.get(ALLOW_PRIVATE, ""), f"environment: {ALLOW_PRIVATE}")
    return Gate(
        policy=AddressPolicy(allow_private=allowed),
        own=tuple(own_endpoints(environ)),
        own_names=SystemNames(threads=OWN_THREADS),
        certificates=certificates_from_env(environ),
    )
