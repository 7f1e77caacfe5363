"""Artifacts of visits: what an observation of the ledger names, and nothing else of the folder or the bucket."""

from collections.abc import Awaitable, Callable

from trapline_common.domain.artifact_key import is_key, is_unchanged
from trapline_common.domain.errors import TransientError


class NamedArtifacts:
    """Keeps the ``Pictures`` port over a store that anyone may have written into."""

    def __init__(self, *, fetch: Callable[[str], Awaitable[bytes]], is_named: Callable[[str], Awaitable[bool]]) -> None:
        self._fetch = fetch
        self._is_named = is_named

    async def is_named(self, key: str) -> bool:
        """Return whether the ledger names ``key``."""
        return is_key(key) and await self._is_named(key)

    async def read(self, key: str) -> bytes:
        """Return what is kept under ``key``. Raises ``KeyError`` unless the ledger names it and it is unchanged."""
        if not await self.is_named(key):
            raise KeyError(key)
        data = await self._fetch(key)
        if not is_unchanged(key, data):
            raise TransientError(f"the artifact {key} is not what was stored under this key")
        return data
