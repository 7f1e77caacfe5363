"""Small pictures by the key of the picture that they show; those that were asked for last are kept."""

import asyncio

from trapline_web.ports import Pictures
from trapline_web.thumbnails.maker import ThumbnailMaker

KEPT_BYTES = 16_000_000
"""Of small pictures in memory: some two thousand. A browser keeps what it got as well."""
_ENTRY = 300
"""Bytes that an entry takes besides its picture."""


class Thumbnails:
    """Makes a small picture once, however many observations name the picture, while there is place for it.

    A picture of which none can be made is remembered too: to find that out may take seconds.
    """

    def __init__(self, pictures: Pictures, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._pictures = pictures
        self._maker = ThumbnailMaker()
        self._turn = asyncio.Lock()
        self._kept: dict[str, bytes] = {}  # in the order in which they were asked for; empty: none can be made
        self._bytes = 0
        self._most = kept_bytes

    async def read(self, key: str) -> bytes:
        """Return a small WebP. Raises as ``Pictures.read`` does, ``KeyError`` also where none can be made.

        What is kept is given only while the ledger names its picture.
        """
        if key in self._kept:
            if not await self._pictures.is_named(key):
                raise KeyError(key)
        else:
            picture = await self._pictures.read(key)
            async with self._turn:
                if key not in self._kept:
                    self._keep(key, await self._maker.make(picture) or b"")
        found = self._kept.get(key, b"")
        if not found:
            raise KeyError(key)
        self._keep(key, found)
        return found

    async def close(self) -> None:
        """End the process that makes them."""
        await self._maker.close()

    def _keep(self, key: str, made: bytes) -> None:
        if key in self._kept:
            self._bytes -= len(self._kept.pop(key)) + _ENTRY
        self._kept[key] = made
        self._bytes += len(made) + _ENTRY
        while self._bytes > self._most:
            self._bytes -= len(self._kept.pop(next(iter(self._kept)))) + _ENTRY
