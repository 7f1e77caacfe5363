"""Address ranges from which no page of the open web is served, as data.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its successors), the multicast
registries, and each cloud's documentation of its metadata service. Ranges that IANA calls globally reachable (AS112,
AMT, anycast for PCP and TURN) are in it too: no page is served from there.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def _table(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(network), name) for network, name in rows)


NEVER = _table(
    ("169.254.0.0/16", "link-local, where clouds keep metadata and credentials"),
    ("100.100.100.200/32", "Alibaba Cloud's metadata"),
    ("168.63.129.16/32", "Azure's platform service"),
    ("192.0.0.192/32", "Oracle Cloud's metadata"),
    ("0.0.0.0/8", "this machine by another name"),
    ("::/128", "this machine by another name"),
    ("fe80::/10", "link-local, where clouds keep metadata and credentials"),
    ("fd00:ec2::/32", "AWS's metadata, credentials and name service"),
    ("fd20:ce::/32", "Google Cloud's metadata"),
    ("fd00:42::42/128", "Scaleway's metadata"),
    ("fd00:a9fe:a9fe::/48", "Akamai's (Linode's) metadata"),
)
"""No setting opens these: a page that reaches them reads the machine's credentials."""

SPECIAL = _table(
    ("127.0.0.0/8", "loopback"),
    ("10.0.0.0/8", "private"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("100.64.0.0/10", "shared behind carriers' NAT"),
    ("192.0.0.0/24", "for IETF protocols"),
    ("192.0.2.0/24", "for documentation"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("192.31.196.0/24", "for AS112"),
    ("192.175.48.0/24", "for AS112"),
    ("192.52.193.0/24", "for multicast tunnels"),
    ("192.88.99.0/24", "for 6to4 relays"),
    ("198.18.0.0/15", "for benchmarks"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::/96", "IPv4 in IPv6, the deprecated form"),
    ("::ffff:0:0:0/96", "IPv4 in IPv6, translated"),
    ("64:ff9b:1::/48", "IPv4 in IPv6, for local translation"),
    ("100::/64", "discarded"),
    ("100:0:0:1::/64", "a dummy"),
    ("2001::/32", "Teredo"),
    ("2001:db8::/32", "for documentation"),
    ("2001::/23", "for IETF protocols"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "for AS112"),
    ("3fff::/20", "for documentation"),
    ("5f00::/16", "for segment routing"),
    ("fc00::/7", "private"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
"""``allow_private`` may open these; the first match names the address."""

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that IANA has allocated for the Internet; addresses outside are refused even without a name."""
NAT64 = IPv6Network("64:ff9b::/96")
"""The well-known prefix, global by RFC 6052: judged by the IPv4 address in it, as networks without IPv4 need it."""
MAPPED = IPv6Network("::ffff:0:0/96")
