"""Whether an answer came whole of which the browser does not know it.

Chromium shows what it could unpack of a compressed body that ends too early, and says nothing of it, if the body is as
long as its header promised: so a cache keeps what a server that died has left. The browser hands nobody the bytes as
they came. Nor does it say of a file that it would download that the body broke off. A page that ends as pages do is
whole; only of another document is the answer asked for again, and unpacked here.
"""

import asyncio
import re
import ssl
import zlib
from dataclasses import dataclass

import httpcore

from trapline_common.egress.certificates import trusting
from trapline_common.egress.gate import AddressRefusedError, Gate
from trapline_common.egress.httpcore_backend import GatedNetwork

COMPRESSED = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "dcb", "dcz"})
"""Content encodings of which Chromium takes a part for the whole."""
LONGEST_TAIL = 2_000
"""Characters of a source's end that are looked at: comments of caches and monitors come behind ``</html>``."""
_COMPARED = 100
"""Characters of a source's end that are looked for in the answer that came again."""
_ENDS = re.compile(r"</(?:html|body|frameset)\s*>", re.IGNORECASE)
_WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
"""zlib's ``wbits`` by encoding; a deflate body should have zlib's head, and many have none."""
_OK = 200


class _CutError(Exception):
    """The body ends before its compressed data does, or before its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How the browser asked, and what it got."""

    url: str
    """Of the document that is shown."""
    headers: tuple[tuple[str, str], ...]
    """What the request carries of the browser's: user agent, languages, cookies."""
    tail: str
    """The end of the source that the browser unpacked."""
    charset: str
    """The encoding that it read the source in."""


def ends_as_pages_do(tail: str) -> bool:
    """Tell whether a page's source ends with the end of its body or document."""
    return _ENDS.search(tail) is not None


async def is_cut(again: Again, gate: Gate, *, size: int, within: float) -> bool:
    """Ask for an answer once more; tell whether it, or what the browser has of it, ends too early.

    False where nothing speaks for that: when it is refused, is longer than ``size`` bytes unpacked, or takes longer
    than ``within`` seconds. Redirects are not followed. The connection passes ``gate``.
    """
    try:
        async with asyncio.timeout(within):
            answer = await _answer(again, gate, size)
        return answer is not None and _goes_on(answer, again)
    except _CutError:
        return True
    except (TimeoutError, AddressRefusedError, OSError, ssl.SSLError):
        return False
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol):
        return False


async def _answer(again: Again, gate: Gate, size: int) -> bytes | None:
    """Return the unpacked body. Raises ``_CutError``."""
    headers = [*again.headers, ("Accept", "text/html,*/*;q=0.8"), ("Accept-Encoding", "gzip, deflate")]
    async with (
        httpcore.AsyncConnectionPool(
            ssl_context=trusting(gate.certificates), network_backend=GatedNetwork(gate), max_connections=1
        ) as pool,
        pool.stream("GET", again.url.partition("#")[0], headers=headers) as response,
    ):
        if response.status != _OK:
            return None
        named = next((value for name, value in response.headers if name.lower() == b"content-encoding"), b"")
        encoding = named.decode("latin-1").strip().lower()
        if encoding not in {"", "identity"} and encoding not in _WINDOWS:
            return None
        body = bytearray()
        try:
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > size:
                    return None
        except (httpcore.RemoteProtocolError, httpcore.ReadError) as error:
            raise _CutError from error
    return bytes(body) if encoding not in _WINDOWS else _unpacked(bytes(body), _WINDOWS[encoding], size)


def _unpacked(body: bytes, windows: tuple[int, ...], size: int) -> bytes | None:
    for window in windows:
        unpacking = zlib.decompressobj(window)
        try:
            found = unpacking.decompress(body, size)
        except zlib.error:
            continue
        if unpacking.unconsumed_tail:
            return None
        if not unpacking.eof:
            raise _CutError
        return found
    raise _CutError


def _goes_on(body: bytes, again: Again) -> bool:
    """Tell whether an answer has more behind what was the end of the browser's."""
    try:
        text = body.decode(again.charset, "replace")
    except LookupError:
        return False
    tail = "".join(again.tail.split())[-_COMPARED:]
    packed = "".join(text.split())
    at = packed.rfind(tail) if tail else -1
    return at >= 0 and at + len(tail) < len(packed)
