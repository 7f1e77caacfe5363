"""Which addresses may be dialled: every range of IANA's special-purpose registries, metadata, IPv4 in IPv6."""

from ipaddress import ip_address, ip_network

import pytest

from trapline_common.egress.address_policy import AddressPolicy, embedded

STRICT = AddressPolicy()
EVERYTHING = AddressPolicy(allow_private=(ip_network("0.0.0.0/0"), ip_network("::/0")))

IANA = {
    # iana-ipv4-special-registry
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32",
    "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
    # iana-ipv6-special-registry; 64:ff9b::/96 is judged by the address in it
    "::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:1::1/128",
    "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28",
    "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10",
    # multicast, site-local, what was never given out
    "224.0.0.0/4", "ff00::/8", "fec0::/10", "4000::/3", "e000::/4", "200::/7", "::/96", "::ffff:0:0:0/96",
}  # fmt: skip

METADATA = (
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "169.254.42.42", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd00:ec2::253", "fd20:ce::254", "fd00:42::42",
    "fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe", "0.0.0.0", "::",
)  # fmt: skip

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "128.0.0.1", "126.255.255.255",
    "168.63.129.15", "172.15.255.255", "172.32.0.0", "169.253.255.255", "192.0.1.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1", "2400:cb00::1", "2001:200::1", "2003::1",
    "64:ff9b::808:808",
)  # fmt: skip


@pytest.mark.parametrize("network", sorted(IANA))
def test_no_special_range_is_dialled(network: str):
    """The first and the last address of every special range are refused, with a name."""
    for address in (ip_network(network)[0], ip_network(network)[-1]):
        refusal = STRICT.refusal(address)
        assert refusal is not None
        assert refusal.why


@pytest.mark.parametrize("address", PUBLIC)
def test_the_open_web_is_dialled(address: str):
    """Public addresses pass, those next to a special range too."""
    assert STRICT.refusal(ip_address(address)) is None


@pytest.mark.parametrize("address", METADATA)
def test_no_setting_opens_metadata(address: str):
    """Metadata services stay closed when everything else is allowed, in every notation that IPv6 has for IPv4."""
    found = ip_address(address)
    forms = [found]
    if found.version == 4:
        four = found.packed
        inverted = bytes(byte ^ 0xFF for byte in four)
        forms += map(ip_address, (
            b"\0" * 10 + b"\xff\xff" + four,
            b"\0" * 8 + b"\xff\xff\0\0" + four,
            b"\0" * 12 + four,
            bytes.fromhex("0064ff9b") + b"\0" * 8 + four,
            bytes.fromhex("0064ff9b0001") + four[:2] + b"\0" + four[2:] + b"\0" * 5,
            bytes.fromhex("0064ff9b0001") + b"\0" * 6 + four,
            bytes.fromhex("2002") + four + b"\0" * 10,
            bytes.fromhex("20010000") + four + b"\0" * 8,
            bytes.fromhex("20010000") + b"\0" * 8 + inverted,
            bytes.fromhex("2606470000000000") + bytes.fromhex("00005efe") + four,
        ))  # fmt: skip
    for each in forms:
        refusal = EVERYTHING.refusal(each)
        assert refusal is not None, each
        assert refusal.final


def test_what_is_allowed_is_dialled_and_nothing_beside_it():
    """``allow_private`` opens exactly its networks, for IPv4 in its mapped notation too."""
    policy = AddressPolicy(allow_private=tuple(map(ip_network, ("10.1.0.0/16", "fd12::/16", "::1/128"))))
    assert policy.refusal(ip_address("10.1.255.255")) is None
    assert policy.refusal(ip_address("::ffff:10.1.0.1")) is None
    assert policy.refusal(ip_address("fd12::1")) is None
    assert policy.refusal(ip_address("::1")) is None
    for beside in ("10.2.0.0", "10.0.255.255", "::ffff:10.2.0.1", "fd13::1", "127.0.0.1", "64:ff9b::a02:1"):
        assert policy.refusal(ip_address(beside)) is not None


def test_private_addresses_do_not_hide_in_public_ones():
    """NAT64 and ISATAP are judged by the IPv4 address in them; 6to4 and Teredo are refused as they are."""
    for address in ("64:ff9b::a00:1", "2606:4700::5efe:a00:1", "2002:808:808::", "2001:0:808:808::", "::808:808"):
        assert STRICT.refusal(ip_address(address)) is not None, address
    assert [str(each) for each in embedded(ip_address("2002:a00:1::"))] == ["10.0.0.1"]
    assert list(embedded(ip_address("10.0.0.1"))) == []
