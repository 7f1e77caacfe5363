"""The gate without a network: what it resolves, what is ours, what it reads from the environment."""

import asyncio
import socket
from ipaddress import ip_address, ip_network

import pytest

from support.gates import Names
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.gate import OWN_TTL, AddressRefusedError, Endpoint, Gate
from trapline_common.egress.own_addresses import is_own_interface
from trapline_common.egress.settings import database_hosts, gate_from_env, own_endpoints, parse_allow_private

LOOPBACK = AddressPolicy(allow_private=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))


async def test_a_name_is_looked_up_once_and_every_address_is_checked():
    """Of a mixed answer only what may be dialled is handed out, in order, after one look-up."""
    names = Names({"mixed.example": [["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1", "8.8.8.8"]]})
    gate = Gate(policy=AddressPolicy(), resolve=names, is_self=lambda _: False)
    assert [str(each) for each in await gate.addresses("mixed.example", 80)] == ["1.1.1.1", "8.8.8.8"]
    assert names.asked == ["mixed.example"]


@pytest.mark.parametrize("host", ["", "a b", "a%00", "fe80::1%eth0", "a\nb", "[::1", "x" * 64, "a..b", "ex\u00e4mple"])
async def test_what_is_no_name_is_not_looked_up(host: str):
    """Only letters, digits, hyphens, underscores and dots reach the resolver."""
    names = Names()
    with pytest.raises(AddressRefusedError):
        await Gate(policy=LOOPBACK, resolve=names).addresses(host, 80)
    assert names.asked == []


async def test_a_silent_name_server_is_no_refusal():
    """A look-up that takes too long is an error of the name, not a verdict on the address."""

    async def silent(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(socket.gaierror, match="did not answer"):
        await Gate(policy=LOOPBACK, resolve=silent, lookup=0.01).addresses("slow.example", 80)


async def test_our_own_endpoints_stay_closed():
    """The database is refused in an allowed network: on loopback its port, elsewhere its address; by mapping too."""
    names = Names({"db.internal": [["10.0.0.5"]]})
    own = (
        Endpoint(host="db.internal", port=5432, what="the database"),
        Endpoint(host="127.0.0.1", port=9001, what="API"),
    )
    gate = Gate(policy=LOOPBACK, own=own, resolve=names)
    for host, port in (("10.0.0.5", 80), ("::ffff:10.0.0.5", 80), ("db.internal", 5432), ("127.0.0.1", 9001)):
        with pytest.raises(AddressRefusedError, match="no setting opens it"):
            await gate.addresses(host, port)
    assert await gate.addresses("127.0.0.1", 8000) == [ip_address("127.0.0.1")]
    assert await gate.addresses("10.0.0.6", 5432) == [ip_address("10.0.0.6")]


async def test_a_database_that_moves_is_followed():
    """Our own names are looked up again after a while, and the last answer holds while no name server answers."""
    now = [0.0]
    names = Names({"db.internal": [["10.0.0.5"], ["10.0.0.6"], socket.gaierror(socket.EAI_AGAIN, "away")]})
    own = (Endpoint(host="db.internal", port=5432, what="the database"),)
    gate = Gate(policy=LOOPBACK, own=own, resolve=names, clock=lambda: now[0])
    for closed in ("10.0.0.5", "10.0.0.6", "10.0.0.6"):
        with pytest.raises(AddressRefusedError):
            await gate.addresses(closed, 80)
        now[0] += OWN_TTL


async def test_this_machines_public_address_is_its_loopback_by_another_name():
    """What listens here for neighbours only is not reached by the public address either, unless that is allowed."""
    mine = ip_address("93.184.215.14")
    gate = Gate(policy=AddressPolicy(), is_self=lambda address: address == mine)
    with pytest.raises(AddressRefusedError, match="this machine itself"):
        await gate.addresses("93.184.215.14", 80)
    allowed = Gate(policy=AddressPolicy(allow_private=(ip_network("93.184.215.14/32"),)), is_self=lambda _: True)
    assert await allowed.addresses("93.184.215.14", 80) == [mine]


def test_own_interfaces_are_known_without_a_packet():
    """The kernel says which addresses are ours, loopback among them."""
    assert is_own_interface(ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@db.example/x", [("db.example", 5432)]),
        ("postgresql://u@db.example:6432/x?sslmode=verify-full", [("db.example", 6432)]),
        ("postgresql://u@a.example:1,b.example:2/x", [("a.example", 1), ("b.example", 2)]),
        ("postgresql://u@[fd00::5]:6000/x", [("fd00::5", 6000)]),
        ("postgresql://u@/x?host=a.example&port=7000", [("a.example", 7000)]),
        ("postgresql:///x?host=/var/run/postgresql", []),
        ("postgresql://u@%2Fvar%2Frun/x", []),
        ("", []),
    ],
)
def test_the_database_is_found_in_its_url(url: str, hosts: list[tuple[str, int]]):
    """Hosts and ports are read as libpq reads them; a Unix socket can't be dialled."""
    assert list(database_hosts({"DATABASE_URL": url})) == hosts


def test_the_platforms_own_services_are_ours():
    """On Lambda the Runtime API and the credentials' service are closed by address and port."""
    environ = {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1338/role",
    }
    assert [(each.host, each.port) for each in own_endpoints(environ)] == [("127.0.0.1", 9001), ("127.0.0.1", 1338)]


def test_allow_private_is_read_from_the_environment():
    """Networks and addresses, separated by commas or blanks."""
    gate = gate_from_env({"TRAPLINE_ALLOW_PRIVATE": "10.1.0.0/16, 192.168.0.7 fd12::/16"})
    assert list(map(str, gate.policy.allow_private)) == ["10.1.0.0/16", "192.168.0.7/32", "fd12::/16"]
    assert gate_from_env({}).policy.allow_private == ()


@pytest.mark.parametrize("text", ["10.1.0.1/16", "intranet", "169.254.169.254", "169.254.0.0/16", "fd00:ec2::254"])
def test_a_wrong_network_or_a_metadata_address_is_refused(text: str):
    """The text names the setting and the word."""
    with pytest.raises(InputRefusedError, match=f"^here: .*{text.partition('/')[0]}"):
        parse_allow_private(text, "here")
