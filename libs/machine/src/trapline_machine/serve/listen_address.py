"""Where the web view of ``trapline serve`` listens, and by which names it may be called. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from trapline_common.domain.errors import InputRefusedError

PORT = 8712
"""Of the web view, unless a person says another."""
_LOOPBACK = "127.0.0.1"
_HIGHEST = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """An address of this machine, and the names under which a browser may ask for it."""

    host: str = _LOOPBACK
    """An IP address."""
    port: int = PORT
    """The port; 0: any free one."""
    names: tuple[str, ...] = ()
    """``--allow-host``: further names, each with its port where a proxy takes another."""

    @classmethod
    def read(cls, listen: str | None, names: Sequence[str]) -> "ListenAddress":
        """Read ``--listen`` and ``--allow-host``. Raises ``InputRefusedError``.

        Whoever can reach another address than loopback can try the token; and a page of another site that has its own
        name lead here is told apart by the name alone.
        """
        host, port = _parts(listen or _LOOPBACK)
        for name in names:
            if not name or set(name) & set("/ @?#*") or not name.isascii() or not name.isprintable():
                raise InputRefusedError(f"--allow-host: {name!r} is no name of a host, such as trapline.example.com")
        if not ip_address(host).is_loopback and not names:
            raise InputRefusedError(
                f"--listen {host}: other machines could reach the web view; say with --allow-host by which name, "
                "such as --allow-host trapline.example.com"
            )
        return cls(host=host, port=port, names=tuple(name.lower() for name in names))

    def hosts(self, port: int) -> frozenset[str]:
        """Return the values of ``Host`` that are answered, when it listens on ``port``."""
        own = {"127.0.0.1", "localhost", "[::1]"} if ip_address(self.host).is_loopback else set[str]()
        with_port = {f"{name}:{port}" for name in (*own, *self.names)}
        return frozenset(with_port | set(self.names))  # behind a proxy the port is the scheme's own

    def url(self, port: int) -> str:
        """Return the view's address for people."""
        host = self.names[0] if self.names else f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}" if ":" in host.rpartition("]")[2] else f"http://{host}:{port}"


def _parts(listen: str) -> tuple[str, int]:
    wrong = f"--listen: {listen!r} is no address; write 127.0.0.1, 127.0.0.1:{PORT}, 0.0.0.0 or [::]:{PORT}"
    host, port = listen, str(PORT)
    if listen.startswith("["):
        host, bracket, rest = listen[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or rest == ":":
            raise InputRefusedError(wrong)
        port = rest.removeprefix(":") or port
    elif listen.count(":") == 1:
        host, _, port = listen.partition(":")
    host = _LOOPBACK if host == "localhost" else host
    try:
        ip_address(host)
    except ValueError as error:
        raise InputRefusedError(wrong) from error
    if not (port.isascii() and port.isdecimal() and len(port) <= len(str(_HIGHEST)) and int(port) <= _HIGHEST):
        raise InputRefusedError(wrong)
    return host, int(port)
