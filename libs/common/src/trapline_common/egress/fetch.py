"""Fetching without a browser, for sitemaps and robots.txt, as a protocol."""

from dataclasses import dataclass
from typing import Protocol

from trapline_common.domain.errors import InputRefusedError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file as the server sent it."""

    url: str
    """Where it was found, redirects followed."""
    body: bytes
    """The bytes sent; they may still be gzip."""


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


class Fetch(Protocol):
    """Fetches one file over http or https, within bounds of redirects, bytes and time."""

    async def __call__(self, url: str) -> Fetched:
        """Return the file.

        Raises ``TransientError`` when it may work later (``TryLaterError``: 5xx, 408, 425, 429; a timeout, a broken
        connection) and ``InputRefusedError`` when it won't (``NoFileError``: any other status; too large, too many
        redirects, a forbidden scheme or address).
        """
        ...
