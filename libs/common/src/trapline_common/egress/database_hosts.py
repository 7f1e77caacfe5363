"""Where the ledger's database may be: every host and port that asyncpg or libpq could read in the settings.

Too many is safe, one too few is not: so a host that another setting overrides is ours all the same.
"""

import configparser
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from trapline_common.domain.conninfo import URL, read_conninfo
from trapline_common.domain.errors import InputRefusedError

POSTGRES = 5432
URLS = ("DATABASE_URL", "TRAPLINE_ADMIN_URL")
"""Variables that hold a database's address: a URL, or pairs as libpq takes them."""
_SERVICE_FILE = ".pg_service.conf"
_HOST = re.compile(r"\[(?P<six>[^\]]+)\](?::(?P<six_port>\d+))?|(?P<name>[^:/@\[\]]+)(?::(?P<port>\d+))?", re.ASCII)
_HOSTS = ("host", "hostaddr")


def database_hosts(environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield each host and port once, of URLs, of the PG* variables and of the service that these name.

    A database on a Unix socket is at this machine too: it may listen on the same port of loopback, as Postgres does by
    default.
    """
    found: dict[tuple[str, int], None] = {}
    for settings in _settings(environ):
        hosts = [each for name in _HOSTS for each in settings.get(name, "").split(",") if each]
        ports = [int(each) for each in settings.get("port", "").split(",") if each.isdecimal()] or [POSTGRES]
        for host in hosts or [""]:
            found.update(dict.fromkeys(_reached(host, ports)))
    yield from found


def _reached(written: str, ports: list[int]) -> Iterator[tuple[str, int]]:
    read = _HOST.fullmatch(written)
    if read is not None and (port := read["six_port"] or read["port"]):
        ports = [int(port)]
    # Without a match an IPv6 address without brackets, as ``hostaddr`` has it, or a socket
    host = unquote(written if read is None else read["six"] or read["name"])
    at_socket = not host or host[0] in "/@"  # in a folder, or abstract; without any host libpq looks in some folders
    yield from (("127.0.0.1" if at_socket else host, each) for each in ports)


def _settings(environ: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield what each source says, by libpq's names; what a URL leaves out comes from the variables."""
    variables = {name: environ[f"PG{name.upper()}"] for name in (*_HOSTS, "port") if environ.get(f"PG{name.upper()}")}
    services = [environ.get("PGSERVICE", "")]
    urls = [environ[name] for name in URLS if environ.get(name)]
    for url in urls:
        said = _said(url)
        services.append(said.pop("service", ""))
        yield variables | said
    if not urls and variables.keys() & set(_HOSTS):
        yield variables
    for service in filter(None, services):
        yield from (variables | said for said in of_service(service, environ))


def _said(address: str) -> dict[str, str]:
    if URL.match(address):
        return _of_url(address)
    try:
        return read_conninfo(address)
    except InputRefusedError:
        return {}  # no program connects to it


def _of_url(url: str) -> dict[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return {}  # brackets without an address: no program connects to it
    said = {name: values[-1] for name, values in parse_qs(parts.query).items() if values[-1]}
    # libpq lets ``?host=`` win and asyncpg the other one: both are ours
    hosts = [each for each in (parts.netloc.rpartition("@")[2], said.get("host", "")) if each]
    return said | ({"host": ",".join(hosts)} if hosts else {})


def of_service(service: str, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield what each of libpq's service files says of a service, the one that libpq reads first before the others."""
    folders = (("PGSERVICEFILE", ""), ("HOME", _SERVICE_FILE), ("PGSYSCONFDIR", "pg_service.conf"))
    for variable, name in folders:
        if not (start := environ.get(variable)):
            continue
        file = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            file.read(Path(start) / name if name else start)
        except (configparser.Error, UnicodeDecodeError):
            continue  # no program can read a service in it
        if file.has_section(service):
            yield dict(file[service])
