"""The ``Waiters`` port in memory: who was told what, and answers that a test lets fail."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any


class MemoryWaiters:
    """Keeps what each token was told; ``errors`` holds what the next calls raise, ``None`` for one that arrives.

    ``thrice`` is set with each heartbeat from the third on.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any], str | None]] = []
        self.heartbeats: list[str] = []
        self.errors: deque[Exception | None] = deque()
        self.thrice = asyncio.Event()

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        failed = self.errors.popleft() if self.errors else None
        if failed is not None:
            raise failed
        self.told.append((token, output, error))

    async def heartbeat(self, token: str) -> None:
        failed = self.errors.popleft() if self.errors else None
        if failed is not None:
            raise failed
        self.heartbeats.append(token)
        if len(self.heartbeats) >= 3:
            self.thrice.set()
