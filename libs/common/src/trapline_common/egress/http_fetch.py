"""``Fetch`` over real HTTP.

httpcore and not httpx: the same transport, with the one seam that is needed here: every connection, those of redirects
too, is made by a network backend, and this one is the gate. No proxy is read from the environment.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

import httpcore

from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.egress.certificates import trusting
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender, TryLaterError
from trapline_common.egress.gate import AddressRefusedError, Gate
from trapline_common.egress.httpcore_backend import GatedNetwork

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})
_OK = 200
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFetch:
    """Implements ``Fetch`` within bounds of time, bytes and redirects."""

    gate: Gate
    """Every connection passes it, those of redirects too."""
    max_bytes: int = 50 * 1024 * 1024
    """Bytes over the wire."""
    cut: bool = False
    """Whether a larger file is cut off there; else it is refused."""
    timeout: float = 60.0
    """Seconds for everything together."""
    max_redirects: int = 5
    """Redirects that are followed."""
    user_agent: str = "Trapline"
    """The ``User-Agent`` header."""
    tls: ssl.SSLContext | None = None
    """Checks certificates; ``None``: against certifi's roots and the gate's own."""

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        """Return the file at ``url``; the errors are those of ``Fetch``."""
        try:
            async with asyncio.timeout(self.timeout), self._pool() as pool:
                here, own = url, True
                for _ in range(self.max_redirects + 1):
                    # Once a redirect led elsewhere, whoever answers there decides where it goes on to.
                    own = own and sender.may_tell(here)
                    answer = await self._get(pool, here, sender, own=own)
                    if isinstance(answer, Fetched):
                        return answer
                    here = _target(here, answer.to, url)
        except AddressRefusedError as error:
            raise InputRefusedError(f"{url}: {error}") from error
        except TimeoutError as error:
            raise TransientError(f"{url}: not answered within {self.timeout:g} s") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _connection(url, error) from error
        raise InputRefusedError(f"{url}: more than {self.max_redirects} redirects")

    def _pool(self) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=self.tls or trusting(self.gate.certificates),
            network_backend=GatedNetwork(self.gate),
            max_connections=1,
        )

    async def _get(
        self, pool: httpcore.AsyncConnectionPool, url: str, sender: Sender, *, own: bool
    ) -> "Fetched | _Redirect":
        agent = sender.user_agent or self.user_agent
        headers = {"user-agent": ("User-Agent", agent), "accept": ("Accept", "*/*")}
        for name, value in sender.own(url) if own else ():
            headers[name.lower()] = (name, value)
        headers["accept-encoding"] = ("Accept-Encoding", "identity")
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        request = [(name.encode("ascii"), value.encode()) for name, value in headers.values()]
        async with pool.stream(
            "GET", url.partition("#")[0], headers=request, extensions={"timeout": timeouts}
        ) as response:
            if response.status in _REDIRECTS:
                return _Redirect(to=_location(response, url))
            if response.status >= _SERVER_ERROR or response.status in _TRY_LATER:
                raise TryLaterError(url, response.status)
            if response.status != _OK:
                raise NoFileError(url, response.status)
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > self.max_bytes and self.cut:
                    break
                if len(body) > self.max_bytes:
                    raise InputRefusedError(f"{url}: larger than {self.max_bytes} bytes")
            return Fetched(url=url, body=bytes(body[: self.max_bytes]), whole=len(body) <= self.max_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redirect:
    to: str
    """URL of the target; it may be relative."""


def _location(response: httpcore.Response, url: str) -> str:
    for name, value in response.headers:
        if name.lower() == b"location":
            return value.decode("utf-8", errors="replace")
    raise InputRefusedError(f"{url}: HTTP {response.status} without a Location")


def _target(here: str, location: str, url: str) -> str:
    try:
        return normalise_url(urljoin(here, location))
    except ValueError as error:
        raise InputRefusedError(f"{url}: redirects to a refused URL: {error}") from error


def _connection(url: str, error: Exception) -> InputRefusedError | TransientError:
    """Tell a host that does not exist, or a certificate that is refused, from a connection that may work later."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror) and cause.errno in {socket.EAI_NONAME, socket.EAI_NODATA}:
            return InputRefusedError(f"{url}: host not found")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return InputRefusedError(f"{url}: certificate refused: {cause.verify_message}")
    return TransientError(f"{url}: {type(error).__name__}: {error}".rstrip(": "))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
