"""The gate without a network: what it resolves, what is ours, what it reads from the environment."""

import asyncio
import re
import resource
import socket
from ipaddress import ip_address, ip_network

import pytest

from support.gates import Names
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.address_policy import AddressPolicy
from trapline_common.egress.address_ranges import Network
from trapline_common.egress.allow_private import parse_allow_private
from trapline_common.egress.gate import AddressRefusedError, Gate
from trapline_common.egress.own_addresses import is_own_interface
from trapline_common.egress.own_services import OWN_TTL, REMEMBERED, Endpoint
from trapline_common.egress.settings import gate_from_env
from trapline_common.egress.translation import KNOWN_NAME, TRANSLATION_TTL

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


def test_without_a_descriptor_left_no_address_passes_for_another_machines():
    """A crawler that pages brought to its last descriptor refuses to dial, and lets nothing through unasked."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as newest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (newest.fileno() + 1, before[1]))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                is_own_interface(ip_address("127.0.0.1"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_own_interfaces_are_known_without_a_packet():
    """The kernel says which addresses are ours, loopback among them."""
    assert is_own_interface(ip_address("127.0.0.1"))


EVERYTHING: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


def notations(address: str) -> list[str]:
    """Return IPv4 ``address`` in every notation that IPv6 has for it."""
    four = ip_address(address).packed
    inverted = bytes(byte ^ 0xFF for byte in four)
    raw = (
        bytes(10) + b"\xff\xff" + four,
        bytes(8) + b"\xff\xff\0\0" + four,
        bytes(12) + four,
        bytes.fromhex("0064ff9b") + bytes(8) + four,
        bytes.fromhex("0064ff9b0001") + four[:2] + b"\0" + four[2:] + bytes(5),
        bytes.fromhex("0064ff9b0001") + bytes(6) + four,
        bytes.fromhex("2002") + four + bytes(10),
        bytes.fromhex("20010000") + four + bytes(8),
        bytes.fromhex("20010000") + bytes(8) + inverted,
        bytes.fromhex("fd12000000000000" + "00005efe") + four,
        bytes.fromhex("2606470000000000" + "02005efe") + four,
        bytes.fromhex("2606470000000000" + "03005efe") + four,
    )
    return [str(ip_address(each)) for each in raw]


async def closed(gate: Gate, host: str, port: int) -> str:
    """Return why it is closed; an empty text when it is open."""
    try:
        await gate.addresses(host, port)
    except AddressRefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "at",
    ["127.0.0.1", "127.0.0.53", "0.0.0.0", "::1", "::", "10.9.8.7", "2a00:9::7", "::ffff:127.0.0.1", "::ffff:10.9.8.7"],
)
async def test_our_port_is_closed_at_every_address_of_the_machine(at: str):
    """Wherever ours listens on this machine, no address of it leads there; other ports and machines stay open."""
    mine = {ip_address(each) for each in ("10.9.8.7", "2a00:9::7", "172.17.0.1")}
    own = (Endpoint(host=at, port=5432, what="the database"),)
    gate = Gate(policy=AddressPolicy(allow_private=EVERYTHING), own=own, resolve=Names(), is_self=mine.__contains__)
    here = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "10.9.8.7", "172.17.0.1"]
    for host in [*here, "::1", "2a00:9::7", *(form for each in here for form in notations(each))]:
        assert "the database), which" in await closed(gate, host, 5432), host
    for host in (*here, "::1", "2a00:9::7"):
        assert not await closed(gate, host, 5433), host
    assert not await closed(gate, "10.9.8.8", 5432)


@pytest.mark.parametrize("at", ["10.0.0.5", "::ffff:10.0.0.5", "64:ff9b::10.0.0.5"])
async def test_our_address_elsewhere_is_closed_in_every_notation(at: str):
    """A database of the network is closed on every port, translated and tunnelled too, with everything allowed."""
    own = (Endpoint(host=at, port=5432, what="the database"),)
    gate = Gate(policy=AddressPolicy(allow_private=EVERYTHING), own=own, resolve=Names())
    for host in ("10.0.0.5", *notations("10.0.0.5")):
        assert "the database), which" in await closed(gate, host, 80), host
    for host in ("10.0.0.6", *notations("10.0.0.6")):
        assert "the database" not in await closed(gate, host, 80), host


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "[::1]", "%31%32%37.0.0.1", "::1%lo", "１２７。0.0.1", "ours.test"])  # fmt: skip  # noqa: E501, RUF001
async def test_ours_is_found_however_its_setting_writes_it(host: str):
    """A program dials more than names and addresses in normal form, so the gate reads what it would dial."""
    own = (Endpoint(host=host, port=9000, what="ours"),)
    gate = Gate(policy=LOOPBACK, own=own, resolve=Names({"ours.test": [["127.0.0.1"]]}))
    assert "(ours)" in await closed(gate, "127.0.0.7", 9000)
    assert not await closed(gate, "127.0.0.7", 9001)


async def test_an_address_that_appears_later_is_ours_within_the_time_of_a_look_up():
    """Ours listens everywhere: an interface that comes up is closed at once, and so is the one that ours moves to."""
    now, mine = [0.0], set[object]()
    own = (Endpoint(host="db.test", port=5432, what="the database"),)
    names = Names({"db.test": [["127.0.0.1"], ["10.0.0.9"]]})
    gate = Gate(policy=LOOPBACK, own=own, resolve=names, is_self=mine.__contains__, clock=lambda: now[0])
    assert not await closed(gate, "10.1.1.1", 5432)
    mine.add(ip_address("10.1.1.1"))
    assert await closed(gate, "10.1.1.1", 5432)
    mine.add(ip_address("10.0.0.9"))
    now[0] = OWN_TTL
    assert await closed(gate, "10.0.0.9", 5432)
    assert not await closed(gate, "10.0.0.9", 80)


async def test_a_name_that_rotates_stays_closed_at_the_addresses_it_had():
    """A load balancer's name gives some of its addresses at a time; an address it lost for an hour is let go."""
    now = [0.0]
    names = Names({"db.test": [["10.0.0.5"], ["10.0.0.6"]]})
    own = (Endpoint(host="db.test", port=5432, what="the database"),)
    gate = Gate(policy=LOOPBACK, own=own, resolve=names, clock=lambda: now[0])
    assert await closed(gate, "10.0.0.5", 5432)
    now[0] = OWN_TTL
    assert await closed(gate, "10.0.0.5", 5432)
    now[0] = REMEMBERED + OWN_TTL
    assert not await closed(gate, "10.0.0.5", 5432)
    assert await closed(gate, "10.0.0.6", 5432)


async def test_names_of_ours_are_looked_up_beside_those_of_pages():
    """Pages that hold every thread of the resolver do not keep the gate from finding what is ours."""
    own = (Endpoint(host="db.test", port=5432, what="the database"),)
    gate = Gate(policy=LOOPBACK, own=own, resolve=Names(), own_names=Names({"db.test": [["10.0.0.5"]]}))
    assert await closed(gate, "10.0.0.5", 5432)


async def test_until_a_name_server_answers_ours_is_asked_for_again_soon():
    """While no server has answered for a name of ours the gate does not wait the whole time to ask again."""
    now = [0.0]
    names = Names({"db.test": [socket.gaierror(socket.EAI_AGAIN, "away"), ["10.0.0.5"]]})
    own = (Endpoint(host="db.test", port=5432, what="the database"),)
    gate = Gate(policy=LOOPBACK, own=own, resolve=names, clock=lambda: now[0])
    assert not await closed(gate, "10.0.0.5", 5432)
    now[0] = 1.0
    assert await closed(gate, "10.0.0.5", 5432)


async def test_what_pages_share_with_ours_loses_its_port_alone():
    """A proxy's machine may serve pages on other ports; AWS's public endpoints serve pages on the same one."""
    own = (
        Endpoint(host="10.0.0.5", port=3128, what="a proxy", shared=True),
        Endpoint(host="8.8.8.8", port=443, what="an endpoint of AWS", shared=True),
    )
    gate = Gate(policy=LOOPBACK, own=own, resolve=Names(), is_self=lambda _: False)
    assert await closed(gate, "10.0.0.5", 3128)
    assert not await closed(gate, "10.0.0.5", 80)
    assert not await closed(gate, "8.8.8.8", 443)


PREFIXES = {
    "2a00:64::/32": ("2a00:64:c000:aa::", "2a00:64:a00:5::"),
    "2a00:64::/40": ("2a00:64:c0:0:aa::", "2a00:64:a:0:5::"),
    "2a00:64::/48": ("2a00:64:0:c000:0:aa00::", "2a00:64:0:a00:0:500::"),
    "2a00:64::/56": ("2a00:64:0:c0:0:aa::", "2a00:64:0:a:0:5::"),
    "2a00:64::/64": ("2a00:64::c0:0:aa00:0", "2a00:64::a:0:500:0"),
    "2a00:64::/96": ("2a00:64::192.0.0.170", "2a00:64::10.0.0.5"),
}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_translators_own_prefix_hides_nothing(prefix: str):
    """Where this network translates a public prefix to IPv4, what is in an address of it is judged (RFC 7050)."""
    known, inside = PREFIXES[prefix]
    now = [0.0]
    names = Names({KNOWN_NAME: [["192.0.0.170"], ["192.0.0.170", known]]})
    own = (Endpoint(host="10.0.0.5", port=5432, what="the database"),)
    for policy, why in ((AddressPolicy(), "private"), (LOOPBACK, "the database")):
        gate = Gate(policy=policy, own=own if policy is LOOPBACK else (), resolve=names, is_self=lambda _: False,
                    clock=lambda: now[0])  # fmt: skip
        assert (not await closed(gate, inside, 80)) is (now[0] == 0)
        now[0] += TRANSLATION_TTL
        assert f"({why})" in await closed(gate, inside, 80)
        assert not await closed(gate, "2a00:65::1", 80)


async def test_a_metadata_address_behind_a_translator_stays_closed():
    """With everything allowed, a translated metadata address is refused all the same."""
    names = Names({KNOWN_NAME: [["2a00:64::192.0.0.171"]]})
    gate = Gate(policy=AddressPolicy(allow_private=EVERYTHING), resolve=names)
    assert "no setting opens it" in await closed(gate, "2a00:64::169.254.169.254", 80)


async def test_the_machines_public_address_is_known_through_a_translator():
    """The machine's public address is its loopback by another name in IPv6's notations too."""
    mine = ip_address("93.184.215.14")
    gate = Gate(policy=AddressPolicy(), resolve=Names(), is_self=lambda address: address == mine)
    assert "this machine itself" in await closed(gate, "64:ff9b::93.184.215.14", 80)


async def test_a_port_that_this_process_listens_on_is_closed_until_it_is_free():
    """What the process itself opens is ours at each address of the machine, whatever is allowed."""
    gate = Gate(policy=AddressPolicy(allow_private=parse_allow_private("127.0.0.1:7000 127.0.0.0/8", "x")))
    gate.close_port(7000, "Trapline's own proxy")
    assert "Trapline's own proxy" in await closed(gate, "127.0.0.1", 7000)
    assert "Trapline's own proxy" in await closed(gate, "::ffff:127.9.9.9", 7000)
    gate.reopen_port(7000)
    assert not await closed(gate, "127.0.0.1", 7000)


async def test_an_allowance_with_a_port_opens_that_port_alone():
    """Of the address and its other notations, no other port and no neighbour is opened; ours stays closed."""
    gate = gate_from_env(
        {
            "TRAPLINE_ALLOW_PRIVATE": "127.0.0.1:8080,[::1]:8080 10.0.0.0/8:443, 127.0.0.1:5432",
            "DATABASE_URL": "postgresql://u@127.0.0.1/x",
        }
    )
    for host, port in (("127.0.0.1", 8080), ("::1", 8080), ("10.200.0.1", 443), ("::ffff:10.0.0.1", 443)):
        assert not await closed(gate, host, port), host
    for host, port in (("127.0.0.1", 8081), ("127.0.0.2", 8080), ("::1", 80), ("10.0.0.1", 80), ("11.0.0.1", 1)):
        assert bool(await closed(gate, host, port)) is (host != "11.0.0.1"), host
    assert "database" in await closed(gate, "127.0.0.1", 5432)
    assert "--allow-private [::1]:80 " in await closed(gate, "::1", 80)
    assert "--allow-private 127.0.0.1:8081 " in await closed(gate, "127.0.0.1", 8081)


def test_allow_private_is_read_from_the_environment():
    """Networks and addresses, each with a port or without, separated by commas or blanks."""
    text = (
        "10.1.0.0/16, 192.168.0.7 fd12::/16,127.0.0.1:8080 [::1]:80 [fd12::/16]:443 [fd13::]/16:443 10.0.0.0/8:1 [::1]"
    )
    expected = (
        "10.1.0.0/16 192.168.0.7/32 fd12::/16 127.0.0.1/32:8080 [::1/128]:80 [fd12::/16]:443 [fd13::/16]:443 "
        "10.0.0.0/8:1 ::1/128"
    )
    gate = gate_from_env({"TRAPLINE_ALLOW_PRIVATE": text})
    assert " ".join(map(str, gate.policy.allow_private)) == expected
    assert gate_from_env({}).policy.allow_private == ()


@pytest.mark.parametrize(
    "text",
    ["10.1.0.1/16", "intranet", "169.254.169.254", "169.254.0.0/16", "fd00:ec2::254", "127.0.0.1:0", "127.0.0.1:65536",
     "127.0.0.1:http", "intranet:8080", "::1:8080", "[::1:8080", "169.254.169.254:80", "[fd00:ec2::254]:80", ":8080"],
)  # fmt: skip
def test_a_wrong_network_or_a_metadata_address_is_refused(text: str):
    """The text names the setting and the word."""
    with pytest.raises(InputRefusedError, match=f"^here: .*{re.escape(text.partition('/')[0])}"):
        parse_allow_private(text, "here")
