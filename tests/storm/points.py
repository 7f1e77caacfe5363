"""Fail-points: the storm's adapters come by here, and the doomed process is struck by its own hand."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.storm.weather import Act, Doom

COUNTED = "before insert_missing"
"""Where a slow dispatcher dwells, for ``SLOW`` seconds: between the count and what follows from it."""
SLOW = 0.3
STUCK = 9.0
"""Seconds that an event loop is stuck: beyond the time to live, and until another process has the place."""

Tell = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Sends one message to the storm and returns its answer."""


class FailPoints:
    """One process's. The product knows none: a point is a call of a port or a query, named by the storm's wiring."""

    def __init__(self, doom: Doom | None, *, tell: Tell, role: str, invocation: str | None, slow: bool = False) -> None:
        self._doom = doom
        self._tell = tell
        self._slow = slow
        self._who = {"role": role, "invocation": invocation, "pid": os.getpid()}
        self._passed: Counter[str] = Counter()
        self.ports: list[int] = []

    async def at(self, point: str) -> None:
        """Come by ``point``; strike when the doom says so."""
        self._passed[point] += 1
        if self._slow and point == COUNTED:
            await asyncio.sleep(SLOW)
        doom = self._doom
        if doom is not None and point == doom.point and self._passed[point] == doom.nth:
            await self.strike(doom.act, point)

    async def strike(self, act: Act, point: str) -> None:
        """Tell the storm, then do it. ``ports``: the local ports of this process's connections to the ledger."""
        await self._tell({"op": "struck", "act": act, "point": point, "ports": self.ports, **self._who})
        if act is Act.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif act is Act.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        elif act is Act.STUCK:
            _keep_busy()


def _keep_busy() -> None:
    """Let nothing else of this process run, as a page's parser that never ends would."""
    time.sleep(STUCK)
