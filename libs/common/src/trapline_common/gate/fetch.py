"""What the expansion needs from the network, as a protocol."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file as it was sent. ``url`` is where it was found, redirects followed; ``body`` may still be gzip."""

    url: str
    body: bytes


class Fetch(Protocol):
    """Fetches one file over http or https, within bounds of redirects, bytes and time."""

    async def __call__(self, url: str) -> Fetched:
        """Return the file.

        Raises ``TransientError`` when it may work later (5xx, 408, 429, a timeout, a broken connection) and
        ``InputRefusedError`` when it won't (any other 4xx, too large, too many redirects, a forbidden scheme).
        """
        ...
