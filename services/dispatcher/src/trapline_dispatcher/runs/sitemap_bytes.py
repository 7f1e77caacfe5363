"""The bytes of a sitemap, unpacked and in UTF-8, from its first sign on. Pure; what is made is bounded.

Servers send gzip under a plain name, plain text under ``.gz``, and gzip of gzip; files begin with blank lines and byte
order marks. Whatever of a broken file can be read is read.
"""

import re
import zlib
from dataclasses import dataclass

from trapline_common.domain.errors import InputRefusedError

MAX_BYTES = 50 * 1024 * 1024
"""Uncompressed, a file; sitemaps.org, "Sitemaps XML format"."""
_GZIP = b"\x1f\x8b"
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_LAYERS = 3
"""Compressions of one file that are undone."""
_SPACE = b" \t\r\n\f\v"
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']", re.IGNORECASE)
_KNOWN = re.compile(r"(iso-?8859|latin|windows-12|cp12|koi8|shift[_-]?jis|euc[_-]|gb|big5|macroman)", re.IGNORECASE)
"""Encodings other than Unicode that are read as declared; no stranger chooses among all of Python's codecs."""


@dataclass(frozen=True, slots=True)
class SitemapBytes:
    """A file, ready to be scanned."""

    data: bytes
    """UTF-8, as far as the file was that; no white space and no byte order mark before the first sign."""
    broken: str | None
    """Why it is not the whole file, for people; ``None``: it is."""


def sitemap_bytes(body: bytes, url: str) -> SitemapBytes:
    """Unpack and decode. Raises ``InputRefusedError`` when nothing can be read of it; ``url`` names it there."""
    broken = None
    for _ in range(_LAYERS):
        if not body.startswith(_GZIP) and not _ZLIB.match(body):
            break
        body, fault = _unpacked(body, url)
        broken = broken or fault
    if len(body) > MAX_BYTES:
        body, broken = body[:MAX_BYTES], broken or f"longer than {MAX_BYTES} bytes"
    data = _utf8(body)
    if not data:
        raise InputRefusedError(f"{url}: {broken or 'empty'}, not a sitemap")
    return SitemapBytes(data, broken)


def _unpacked(body: bytes, url: str) -> tuple[bytes, str | None]:
    """Undo one compression, which may hold several members, without ever making more than the limit."""
    out, fault = bytearray(), None
    wbits = zlib.MAX_WBITS + 16 if body.startswith(_GZIP) else zlib.MAX_WBITS
    while body.startswith(_GZIP) or not out:
        member = zlib.decompressobj(wbits=wbits)
        try:
            out += member.decompress(body, MAX_BYTES + 1 - len(out))
        except zlib.error as error:
            fault = f"broken gzip: {error}"
            break
        if len(out) > MAX_BYTES:
            return bytes(out[:MAX_BYTES]), f"longer than {MAX_BYTES} bytes uncompressed"
        if not member.eof:
            fault = "its gzip ends too early"
            break
        body = member.unused_data
        if not body:
            break
    if fault is not None and not out:
        raise InputRefusedError(f"{url}: {fault}")
    return bytes(out), fault


def _utf8(data: bytes) -> bytes:
    data = _stripped(data)
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _stripped(data.decode(encoding, errors="replace").encode("utf-8", errors="replace"))
    declared = _DECLARED.match(data)
    if declared is not None and _KNOWN.match(name := declared[1].decode("ascii")):
        try:
            return data.decode(name, errors="replace").encode()
        except LookupError:
            return data
    return data


def _stripped(data: bytes) -> bytes:
    before = None
    while before != data:
        before, data = data, data.lstrip(_SPACE).removeprefix(b"\xef\xbb\xbf")
    return data
