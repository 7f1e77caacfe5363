"""Artifacts of visits: what an observation of the ledger names, and nothing else of the folder or the bucket."""

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

from trapline_common.domain.errors import TransientError

KEY = re.compile(r"(?P<prefix>[0-9a-f]{2})/(?P=prefix)[0-9a-f]{62}(?:\.[a-z0-9]{1,8})*", re.ASCII)
"""What a key looks like: two letters of a SHA-256, a stroke, and the whole of it, with a suffix."""
PNG = b"\x89PNG\r\n\x1a\n"
"""What every PNG begins with."""


class NamedArtifacts:
    """Keeps the ``Pictures`` port over a store that anyone may have written into."""

    def __init__(self, *, fetch: Callable[[str], Awaitable[bytes]], is_named: Callable[[str], Awaitable[bool]]) -> None:
        self._fetch = fetch
        self._is_named = is_named

    async def read(self, key: str) -> bytes:
        """Return what is kept under ``key``. Raises ``KeyError`` unless the ledger names it and it is unchanged."""
        if KEY.fullmatch(key) is None or not await self._is_named(key):
            raise KeyError(key)
        data = await self._fetch(key)
        digest = key.partition("/")[2][:64]
        if sha256(data).hexdigest() != digest:
            raise TransientError(f"the artifact {key} is not what was stored under this key")
        return data
