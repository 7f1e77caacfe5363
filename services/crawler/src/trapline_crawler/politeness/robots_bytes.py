"""The bytes of a robots.txt as the text that the ledger keeps. Pure; bounded by the fetch.

What was cut off says neither more nor less than the whole lines before the cut: half a ``Disallow: /private`` would
close the site, and half an ``Allow`` open it.
"""

import re
import zlib

LARGEST = 512_000
"""Bytes of robots.txt that are read; RFC 9309 asks for at least 500 KiB."""

_GZIP = b"\x1f\x8b"
_UTF_16 = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MARK = re.compile(rb"(?:\xef\xbb\xbf)+|\xef\xbb?(?![\x80-\xbf])")
"""UTF-8 byte order marks, whole or in part, as Google's parser skips them."""
_LONE = re.compile("[\udc80-\udcff]")


def robots_text(body: bytes, *, whole: bool) -> str:
    """Return the text. ``whole``: nothing was cut off by the fetch.

    Of bytes that are no UTF-8 each is written as its percent escape, which is how a URL names it.
    """
    if body.startswith(_GZIP):
        body, complete = _unpacked(body)
        whole = whole and complete
    body, whole = body[:LARGEST], whole and len(body) <= LARGEST
    text = _decoded(body)
    if not whole:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    return text.replace("\0", "")


def _unpacked(body: bytes) -> tuple[bytes, bool]:
    """Undo gzip that no one asked for; never makes more than is read."""
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
    try:
        return packed.decompress(body, LARGEST + 1), packed.eof
    except zlib.error:
        return b"", True


def _decoded(body: bytes) -> str:
    for mark, encoding in _UTF_16:
        if body.startswith(mark):
            return body[2:].decode(encoding, errors="replace")
    plain = _MARK.sub(b"", body, count=1) if _MARK.match(body) else body
    return _LONE.sub(lambda one: f"%{ord(one[0]) - 0xDC00:02X}", plain.decode("utf-8", errors="surrogateescape"))
