"""At most one nudge of the notifier per second and invocation, and none forgotten."""

import asyncio
from collections.abc import Callable

from trapline_common.messages import Drain
from trapline_common.ports import Nudger

INTERVAL = 1.0
"""Seconds: SNS email endpoints allow 10 messages per second; many invocations nudge at once."""


class NotifierNudges:
    """Call ``alert_written`` as often as alerts are; ``flush`` before the invocation ends."""

    __slots__ = ("_clock", "_last", "_later", "_nudger")

    def __init__(self, nudger: Nudger, *, clock: Callable[[], float]) -> None:
        self._nudger = nudger
        self._clock = clock
        self._last = -INTERVAL
        self._later: asyncio.Task[None] | None = None

    def alert_written(self) -> None:
        """Nudge now, or as soon as a second has passed since the last nudge; never waits."""
        if self._later is None:
            self._later = asyncio.create_task(self._nudge())

    async def flush(self) -> None:
        """Wait until the nudge that is due went out."""
        if self._later is not None:
            await self._later

    async def _nudge(self) -> None:
        await asyncio.sleep(max(0.0, self._last + INTERVAL - self._clock()))
        self._last = self._clock()
        self._later = None
        await self._nudger.nudge("notifier", Drain().event())
