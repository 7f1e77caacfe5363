"""Fetching without a browser, for sitemaps and robots.txt, as a protocol."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from trapline_common.config.urls import origin_of
from trapline_common.domain.errors import InputRefusedError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file as the server sent it."""

    url: str
    """Where it was found, redirects followed."""
    body: bytes
    """The bytes sent; they may still be gzip."""
    whole: bool = True
    """Whether that is all of it; not so where the fetch cuts off what is longer than its bound."""


class TryLaterError(TransientError):
    """The server answered with ``status``, 5xx or 408, 425, 429: it may give the file later."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url}: HTTP {status}")
        self.status = status


class NoFileError(InputRefusedError):
    """The server answered with another ``status`` than 200: there is no such file."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url}: HTTP {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom a file is fetched: what a crawl's own requests carry."""

    user_agent: str | None = None
    """To every server; ``None``: the fetch's own name."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Names and values, secrets in them; to ``origins`` only."""
    cookies: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    """Names, values and paths, secrets in them; to ``origins`` only."""
    origins: frozenset[tuple[str, str, int | None]] = frozenset()
    """Origins that may get headers and cookies, as ``origin_of`` has them; a redirect to another one ends that."""

    def may_tell(self, url: str) -> bool:
        """Say whether the server of ``url`` may get headers and cookies."""
        return origin_of(url) in self.origins

    def own(self, url: str) -> Iterator[tuple[str, str]]:
        """Yield the headers of a request of ``url``, one of ``origins``; the cookies are one of them."""
        yield from self.headers
        path = urlsplit(url).path or "/"
        cookies = [f"{name}={value}" for name, value, below in self.cookies if _is_below(path, below)]
        if cookies:
            yield "Cookie", "; ".join(cookies)


def _is_below(path: str, folder: str) -> bool:
    """Match a cookie's path: RFC 6265, section 5.1.4."""
    return path == folder or (path.startswith(folder) and (folder.endswith("/") or path[len(folder)] == "/"))


NOBODY = Sender()
"""For a file that is fetched for no crawl in particular."""


class Fetch(Protocol):
    """Fetches one file over http or https, within bounds of redirects, bytes and time."""

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        """Return the file. No redirect carries the sender's headers to an origin that is none of its own.

        Raises ``TransientError`` when it may work later (``TryLaterError``: 5xx, 408, 425, 429; a timeout, a broken
        connection) and ``InputRefusedError`` when it won't (``NoFileError``: any other status; too large, too many
        redirects, a forbidden scheme or address).
        """
        ...
