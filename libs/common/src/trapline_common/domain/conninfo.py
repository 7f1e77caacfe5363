"""The address of a Postgres as libpq takes it, a URL or ``key=value`` pairs, read into libpq's own parameters."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from trapline_common.domain.errors import InputRefusedError

URL = re.compile(r"postgres(?:ql)?://")
_OTHER_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<name>[^:\[\]@]*))(?::(?P<port>[^:@]*))?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_PAIR = re.compile(
    r"\s*(?P<name>[^\s=]+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?=\s|$)|(?P<plain>(?:[^\s\\']|\\.)*))", re.DOTALL
)
_SSL = {"true": {"sslmode": "require"}, "false": dict[str, str]()}
_KEEPING_OUT = ("sslmode", "channel_binding", "require_auth", "requirepeer")
"""Parameters of which libpq, too, takes no empty value for none."""
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)


def read_conninfo(text: str) -> dict[str, str]:
    """Return the parameters by libpq's names; an empty one is not set. Of a repeated one the last counts.

    Raises ``InputRefusedError`` that shows nothing of the text, for it may hold a password.
    """
    if URL.match(text):
        return _of_url(text)
    if _OTHER_URL.match(text):
        scheme = text.partition("://")[0]
        raise InputRefusedError(f"not the URL of a Postgres: it begins with {scheme}://, and not with postgresql://")
    if "=" not in text:
        raise InputRefusedError("neither a URL, postgresql://user@host/name, nor pairs, `host=... dbname=...`")
    return _of_pairs(text)


def _of_pairs(text: str) -> dict[str, str]:
    found, position = dict[str, str](), 0
    while text[position:].strip():
        pair = _PAIR.match(text, position)
        if pair is None:
            after = f" after `{list(found)[-1]}`" if found else ""
            raise InputRefusedError(f"what follows{after} is no pair key=value; a value with blanks is in '...'")
        value = pair["plain"] if pair["quoted"] is None else pair["quoted"]
        found[pair["name"]] = _BACKSLASH.sub(r"\1", value)
        position = pair.end()
    return _filled(found)


def _of_url(text: str) -> dict[str, str]:
    rest, _, query = text.partition("://")[2].partition("?")
    place, _, name = rest.partition("/")
    log_in, at, hosts = place.partition("@")
    if not at:
        log_in, hosts = "", place
    user, _, password = log_in.partition(":")
    found = {"user": _decoded(user), "password": _decoded(password), "dbname": _decoded(name)}
    listed = list(_hosts(hosts))
    found["host"] = ",".join(host for host, _ in listed)
    found["port"] = ",".join(port for _, port in listed) if any(port for _, port in listed) else ""
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputRefusedError("a parameter behind the ? is no key=value")
        found.update(_parameter(_decoded(key), _decoded(value)))
    return _filled({name: value if value.strip(",") else "" for name, value in found.items()})


def _filled(found: Mapping[str, str]) -> dict[str, str]:
    """Return what has a value. One that keeps others out, and whose value somebody forgot, is no default."""
    for name in _KEEPING_OUT:
        if found.get(name) == "":
            raise InputRefusedError(f"{name}: its value is empty; name one, or leave {name} out")
    return {name: value for name, value in found.items() if value}


def _parameter(key: str, value: str) -> dict[str, str]:
    if key == "ssl":  # as JDBC writes it
        if value not in _SSL:
            raise InputRefusedError("ssl is true or false; sslmode says more, such as sslmode=require")
        return _SSL[value]
    return {"dbname" if key == "database" else key: value}


def _hosts(text: str) -> Iterator[tuple[str, str]]:
    for each in text.split(","):
        read = _HOST.fullmatch(each)
        if read is None:
            raise InputRefusedError(
                "a host is none: an IPv6 address is in brackets, and an @ or / in a password is %40 or %2F"
            )
        yield _decoded(read["name"] if read["six"] is None else read["six"]), read["port"] or ""


def _decoded(text: str) -> str:
    if _ESCAPE.search(text):
        raise InputRefusedError("a % is not followed by two hexadecimal digits; one that is meant is %25")
    return unquote(text)
