"""URLs in one normal form, so that one page has one URL and (run, URL) is unique."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import idna

MAX_URL_BYTES = 2048
"""What sitemaps.org allows for ``loc``, and what every browser and proxy takes."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"\d+|0x[0-9a-f]*")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}|%|[^%]", re.DOTALL)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATH = _UNRESERVED | frozenset("!$&'()*+,;=:@/[]")
_IN_QUERY = _IN_PATH | frozenset("?")
_IN_FRAGMENT = _IN_QUERY | frozenset("#|{}^")
_MAX_HOST = 253
_MAX_PORT = 65_535


def normalise_url(text: str) -> str:
    """Return the normal form: lower-case scheme and punycode host, no default port, escapes made equal.

    A fragment that is a route of a single-page application (``#/pricing``, ``#!/news``) is part of it, for it names a
    page; any other names a place in one, and is left out. Idempotent. Refuses what a browser would read differently
    from us (control characters, backslashes, numeric hosts such as ``0x7f.1``), schemes other than http and https, user
    names and passwords, and more than 2048 bytes.
    Raises ``ValueError`` that says what is wrong.
    """
    text = text.strip(" ")
    if _CONTROL.search(text):
        raise ValueError("the URL holds a control character")
    if "${" in text:
        raise ValueError("no secret may be in a URL: URLs are stored and shown; use `headers` or `cookies`")
    if len(text) > MAX_URL_BYTES:
        raise ValueError(f"the URL is longer than {MAX_URL_BYTES} bytes")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(_wrong_scheme(parts, text))
    if "\\" in text:
        raise ValueError("the URL holds a backslash")
    if "@" in parts.netloc:
        raise ValueError("no user name or password may be in a URL: it is stored and shown; use `headers`")
    url = f"{parts.scheme}://{_authority(parts)}{normalise_path(parts.path)}"
    if parts.query:
        url += "?" + normalise_query(parts.query)
    url += normalise_route(parts.fragment)
    if len(url) > MAX_URL_BYTES:
        raise ValueError(f"the URL is longer than {MAX_URL_BYTES} bytes")
    return url


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, the default one filled in: equal for equal origins.

    The URL may be a page's own, and so anything: one that is broken has no origin.
    """
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None


def origin_text(url: str) -> str:
    """Return the origin of ``url`` as a person writes it, without its default port: ``https://example.com:8443``."""
    scheme, host, port = origin_of(url)
    shown_host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown_host}" + ("" if port == _DEFAULT_PORTS.get(scheme) else f":{port}")


def _wrong_scheme(parts: SplitResult, text: str) -> str:
    looks_like_a_host = not parts.netloc and ("." in parts.scheme or parts.path[:1].isdigit())
    if not parts.scheme or looks_like_a_host:
        shown = "" if "@" in text else f": {text[:80]!r}"
        return f"not an absolute URL{shown}; begin with https:// or http://"
    return f"{parts.scheme}: URLs are not visited; only http and https are"


def normalise_path(path: str) -> str:
    """Return ``path`` with equal escapes, without dot segments, never empty. Raises ``ValueError`` if not Unicode."""
    segments: list[str] = []
    parts = _escape(path, _IN_PATH).split("/")[1:]
    for segment in parts:
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    if parts and parts[-1] in {".", ".."}:
        segments.append("")
    return "/" + "/".join(segments)


def normalise_query(query: str) -> str:
    """Return ``query``, without its ``?``, with equal escapes. Raises ``ValueError`` if not Unicode."""
    return _escape(query, _IN_QUERY)


def normalise_route(fragment: str) -> str:
    """Return a fragment, given without its ``#``, with it and with equal escapes; nothing where it is no route.

    ``#!`` alone is what links that lead nowhere have. Raises ``ValueError`` if not Unicode.
    """
    is_route = fragment.startswith("/") or (fragment.startswith("!") and len(fragment) > 1)
    return f"#{normalise_fragment(fragment)}" if is_route else ""


def normalise_fragment(fragment: str) -> str:
    """Return ``fragment``, without its ``#``, with equal escapes. Raises ``ValueError`` if not Unicode."""
    return _escape(fragment, _IN_FRAGMENT)


def _authority(parts: SplitResult) -> str:
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"bad port: {error}") from error
    if port is not None and not 1 <= port <= _MAX_PORT:
        raise ValueError(f"bad port {port}: 1 to {_MAX_PORT}")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    return host if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"


def _host(host: str, *, bracketed: bool) -> str:
    if not host:
        raise ValueError("the URL names no host")
    if bracketed:
        return _ipv6(host)
    if "%" in host:
        raise ValueError(f"bad host {host!r}: % is not allowed in it")
    try:
        # UTS 46 is what browsers do; the plain form first, because host names with an underscore exist and work
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ValueError(f"bad host {host[:80]!r}: {error}") from error
    labels = name.removesuffix(".").split(".")
    if len(name) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"bad host {host[:80]!r}")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(name)
    return name


def _ipv4(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError as error:
        raise ValueError(f"bad host {name!r}: write an IPv4 address as four decimal numbers") from error


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise ValueError(f"bad host [{host}]: not an IPv6 address") from error
    if address.scope_id is not None:
        raise ValueError(f"bad host [{host}]: a zone is not allowed")
    return f"[{address}]"


def _escape(text: str, keep: frozenset[str]) -> str:
    """Percent-encode what is not in ``keep``, decode what never needed it, and write escapes in upper case."""
    out: list[str] = []
    for token in _ESCAPE.findall(text):
        if len(token) == 3:  # noqa: PLR2004  (%XX)
            plain = chr(int(token[1:], 16))
            out.append(plain if plain in _UNRESERVED else token.upper())
        elif token in keep:
            out.append(token)
        else:
            try:
                out.extend(f"%{byte:02X}" for byte in token.encode("utf-8"))
            except UnicodeEncodeError as error:
                raise ValueError("the URL is not valid Unicode") from error
    return "".join(out)
