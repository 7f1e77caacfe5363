"""The user at the other end of a loopback connection: the kernel knows whose socket it is."""

import errno
import socket
import struct

_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_ERROR = 2
_ANY_STATE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_UID_AT = _HEADER.size + 4 + 48 + 12
"""In ``inet_diag_msg`` (linux/inet_diag.h): state, socket id, then expires, rqueue, wqueue."""


def other_user(peer: tuple[str, int], here: tuple[str, int], uid: int) -> bool:
    """Tell whether the socket bound to ``peer`` and connected to ``here`` is known to be another user's than ``uid``.

    IPv4. ``False`` where the kernel can't be asked: on another system than Linux, or where netlink is closed.
    """
    try:
        owner = _owner(peer, here)
    except OSError:
        return False
    return owner is not None and owner != uid


def _owner(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """Return the user id, ``None`` when no such socket is open any more."""
    family = socket.AF_NETLINK  # type: ignore[attr-defined,unused-ignore]  # only Linux has it
    with socket.socket(family, socket.SOCK_DGRAM, _SOCK_DIAG) as asked:
        asked.settimeout(1.0)
        asked.sendto(_query(peer, here), (0, 0))
        answer = asked.recv(4096)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR:
        code = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if code == errno.ENOENT:
            return None
        raise OSError(code, "sock_diag")
    return int(struct.unpack_from("=I", answer, _UID_AT)[0])


def _query(peer: tuple[str, int], here: tuple[str, int]) -> bytes:
    """Return an ``inet_diag_req_v2`` for exactly one socket."""
    what = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    ports = struct.pack("!HH", peer[1], here[1])
    ends = socket.inet_aton(peer[0]).ljust(16, b"\0") + socket.inet_aton(here[0]).ljust(16, b"\0")
    body = what + ports + ends + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body
