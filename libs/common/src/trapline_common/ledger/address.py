"""The ledger's address as libpq reads it, in the form that asyncpg takes.

asyncpg has libpq's settings in part, and hands what it does not know to the server. So each of libpq's parameters is
passed on, translated, without effect here, or refused in words: none is silently another one.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from trapline_common.domain.conninfo import read_conninfo
from trapline_common.domain.errors import InputRefusedError
from trapline_common.egress.database_hosts import of_service

SHORTEST_CONNECT = 2.0
"""Seconds for one host, whatever ``connect_timeout`` says below them, as in libpq."""

LAST_PORT = 65_535

_PASSED = frozenset(
    {
        "host", "port", "user", "password", "dbname", "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert",
        "sslcrl", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation",
        "target_session_attrs", "krbsrvname", "gsslib", "options",
    }
)  # fmt: skip
"""Parameters that asyncpg has; ``options`` is the server's."""

_TRANSLATED = frozenset({"hostaddr", "service", "connect_timeout", "application_name"})

_WITHOUT_EFFECT = frozenset(
    {
        "fallback_application_name", "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "sslcompression", "gssdelegation",
    }
)  # fmt: skip
"""Those that Trapline sets for itself: the ledger's text is UTF-8, and who can't be reached is given up by a time of
its own (``Patience``)."""

_ONLY: Mapping[str, tuple[frozenset[str], str]] = {
    "channel_binding": (
        frozenset({"disable", "prefer"}),
        "channels are not bound here; sslmode=verify-full keeps others out, with channel_binding=prefer",
    ),
    "gssencmode": (frozenset({"disable", "prefer"}), "GSSAPI encrypts nothing here; use sslmode"),
    "sslsni": (frozenset({"1"}), "the server's name is always sent"),
    "sslcertmode": (frozenset({"allow"}), "a certificate is sent where sslcert names one and the server asks for it"),
    "load_balance_hosts": (frozenset({"disable"}), "hosts are tried in the order in which they are named"),
    "replication": (frozenset({"0", "false", "no", "off"}), "the ledger is no replication connection"),
    "min_protocol_version": (frozenset({"3.0"}), "the protocol is 3.0"),
    "max_protocol_version": (frozenset({"3.0", "3.2", "latest"}), "the protocol is 3.0"),
}
"""Parameters of which some values are what happens anyway, and why no other is taken."""

_VARIABLES = {
    "PGHOST": "host", "PGHOSTADDR": "hostaddr", "PGPORT": "port", "PGDATABASE": "dbname", "PGUSER": "user",
    "PGPASSWORD": "password", "PGPASSFILE": "passfile", "PGSERVICE": "service", "PGOPTIONS": "options",
    "PGAPPNAME": "application_name", "PGSSLMODE": "sslmode", "PGSSLCERT": "sslcert", "PGSSLKEY": "sslkey",
    "PGSSLROOTCERT": "sslrootcert", "PGSSLCRL": "sslcrl", "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGCHANNELBINDING": "channel_binding", "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version", "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGSSLNEGOTIATION": "sslnegotiation", "PGGSSENCMODE": "gssencmode", "PGREQUIREPEER": "requirepeer",
    "PGREQUIREAUTH": "require_auth", "PGSSLCRLDIR": "sslcrldir", "PGSSLSNI": "sslsni", "PGSSLCERTMODE": "sslcertmode",
    "PGLOADBALANCEHOSTS": "load_balance_hosts", "PGKRBSRVNAME": "krbsrvname", "PGGSSLIB": "gsslib",
}  # fmt: skip
"""libpq's variables, each with the parameter whose default it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What asyncpg connects with."""

    dsn: str
    """A URL whose parameters all stand behind its question mark: a slash before it would be a database without name."""
    timeout: float | None
    """Seconds for all hosts together; ``None``: the caller's own patience."""
    application: str | None
    """The name of the session; ``None``: the caller's own."""
    tls: ssl.SSLContext | None
    """How certificates are checked, where the URL can't say it."""


def read_address(text: str, environ: Mapping[str, str]) -> Address:
    """Read ``DATABASE_URL``. What it leaves out comes from the service that it or ``PGSERVICE`` names, then ``PG*``.

    Raises ``InputRefusedError`` that names the parameter and says what to write, and shows no value of a password.
    """
    try:
        found = _with_defaults(read_conninfo(text), environ)
        _check(found)
        return _translated(found)
    except InputRefusedError as error:
        raise InputRefusedError(f"DATABASE_URL: {error}") from error


def as_url(text: str) -> str:
    """Return an address in the form of a URL, as who logs in with another user takes it. Raises as ``read_address``."""
    if "://" in text:
        return text
    try:
        found = read_conninfo(text)
    except InputRefusedError as error:
        raise InputRefusedError(f"DATABASE_URL: {error}") from error
    user, password, name = (quote(found.pop(each, ""), safe="") for each in ("user", "password", "dbname"))
    host, port = found.pop("host", ""), found.pop("port", "")
    if "," in host or host.startswith(("/", "@")):
        found |= {"host": host, "port": port} if port else {"host": host}
        host = port = ""
    log_in = f"{user}:{password}@" if password else f"{user}@" if user else ""
    place = f"[{host}]" if ":" in host else host
    query = urlencode(found, quote_via=quote)
    return f"postgresql://{log_in}{place}{f':{port}' if port else ''}/{name}{f'?{query}' if query else ''}"


def _with_defaults(said: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    variables = {name: environ[variable] for variable, name in _VARIABLES.items() if environ.get(variable)}
    if said.keys() & {"host", "hostaddr"}:  # what says where it is follows no variable that is meant for others
        variables = {name: value for name, value in variables.items() if name not in {"hostaddr", "service"}}
    service = said.get("service") or variables.get("service")
    if not service:
        return {**variables, **said}
    named = next(of_service(service, environ), None)
    if named is None:
        raise InputRefusedError(
            f"service={service}: no such section in PGSERVICEFILE, ~/.pg_service.conf or PGSYSCONFDIR"
        )
    return {**variables, **named, **said}


def _check(found: Mapping[str, str]) -> None:
    for name, value in found.items():
        if name in _ONLY:
            taken, why = _ONLY[name]
            if value not in taken:
                raise InputRefusedError(f"{name}={value}: {why}")
        elif name not in _PASSED | _TRANSLATED | _WITHOUT_EFFECT:
            raise InputRefusedError(f"{name}: libpq has no such parameter, or Trapline can't keep it; leave it out")
    for port in filter(None, found.get("port", "").split(",")):
        if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= LAST_PORT):
            raise InputRefusedError("port: 1 to 65535; in a password, / is %2F")  # without it: it may be half of one


def _translated(found: Mapping[str, str]) -> Address:
    passed = {name: value for name, value in found.items() if name in _PASSED}
    hosts = _hosts(found)
    if hosts:
        passed["host"] = ",".join(f"[{host}]" if ":" in host else host for host in hosts)
    if "port" in passed:
        passed["port"] = _ports(passed["port"], hosts)
    if hosts and all(host.startswith("/") for host in hosts):  # as in libpq, no setting of TLS concerns a socket
        passed = {name: value for name, value in passed.items() if not name.startswith("ssl")} | {"sslmode": "disable"}
    tls = _of_the_system(passed) if passed.get("sslrootcert") == "system" else None
    return Address(
        dsn="postgresql://?" + urlencode(passed, quote_via=quote) if passed else "postgresql://",
        timeout=_timeout(found.get("connect_timeout"), hosts=max(1, len(hosts))),
        application=found.get("application_name"),
        tls=tls,
    )


def _hosts(found: Mapping[str, str]) -> list[str]:
    addresses = found.get("hostaddr", "")
    if addresses and found.get("host") and found.get("sslmode") == "verify-full":
        raise InputRefusedError(
            "hostaddr beside host: the certificate is checked against the address dialled; leave it out"
        )
    hosts = (addresses or found.get("host", "")).split(",")
    if hosts == [""]:
        return []
    for host in hosts:
        if not host:
            raise InputRefusedError(
                "host: an empty one in a list; name the socket's folder, such as /var/run/postgresql"
            )
        if host.startswith("@"):
            raise InputRefusedError(f"host={host}: no abstract sockets; name the folder of the socket, or a host")
    return hosts


def _ports(text: str, hosts: list[str]) -> str:
    ports = [port or "5432" for port in text.split(",")]
    if len(ports) not in {1, max(1, len(hosts))}:
        raise InputRefusedError(f"port: {len(ports)} ports for {max(1, len(hosts))} hosts")
    return ",".join(ports)


def _timeout(text: str | None, *, hosts: int) -> float | None:
    if text is None:
        return None
    try:
        seconds = int(text.strip())
    except ValueError:
        raise InputRefusedError(f"connect_timeout={text}: whole seconds") from None
    return None if seconds <= 0 else max(SHORTEST_CONNECT, seconds) * hosts


def _of_the_system(passed: dict[str, str]) -> ssl.SSLContext:
    """Return what checks against the system's certificates, and takes from ``passed`` what is in it."""
    if passed.pop("sslmode", "verify-full") != "verify-full":
        raise InputRefusedError("sslrootcert=system goes with sslmode=verify-full")
    for name in [each for each in passed if each.startswith("ssl") and each not in {"sslrootcert", "sslnegotiation"}]:
        raise InputRefusedError(f"{name}: not beside sslrootcert=system; name the file of certificates")
    del passed["sslrootcert"]
    return ssl.create_default_context()
