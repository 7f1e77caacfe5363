"""Recognises the addresses of this machine, public ones included."""

import errno
import socket

from trapline_common.egress.address_policy import Address


def is_own_interface(address: Address) -> bool:
    """Tell whether ``address`` is one of this machine's own.

    A service that listens here for the local network only could be reached from here by the public address, past the
    firewall. The kernel tells which source it would take for a datagram to the address: for its own addresses it is the
    address itself. No packet is sent. An address that can't be reached at all is not the machine's own. Raises
    ``OSError`` when the kernel can't be asked, as it has no descriptor left: then nothing may be dialled.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004  (IP version 4)
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            return False  # a system without IPv6
        raise
    with probe:
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == str(address))
