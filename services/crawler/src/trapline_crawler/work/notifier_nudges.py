"""Nudges of the notifier: at most one per second and invocation, and each alert gets one."""

import asyncio
from collections.abc import Callable

from trapline_common.domain.messages import Drain
from trapline_common.domain.ports import Nudger
from trapline_common.platform.logging import get_logger

INTERVAL = 1.0
"""Seconds: SNS email endpoints allow 10 messages per second; many invocations nudge at once."""

_log = get_logger("crawler")


class NotifierNudges:
    """Call ``alert_written`` after each alert, ``flush`` before the invocation ends. ``interval`` is in seconds."""

    __slots__ = ("_clock", "_due", "_interval", "_next", "_nudger", "_tasks")

    def __init__(self, nudger: Nudger, *, clock: Callable[[], float], interval: float = INTERVAL) -> None:
        self._nudger = nudger
        self._clock = clock
        self._interval = interval
        self._next = clock()
        self._due = False
        self._tasks: set[asyncio.Task[None]] = set()

    def alert_written(self) -> None:
        """Nudge now, or as soon as a second has passed since the last nudge; never waits."""
        if self._due:
            return  # the notifier finds this alert too when that nudge reaches it
        self._due = True
        task = asyncio.create_task(self._nudge())
        self._tasks.add(task)  # asyncio itself keeps no task alive
        task.add_done_callback(self._tasks.discard)

    async def flush(self, *, within: float) -> None:
        """Wait until each nudge that is due is sent, at most ``within`` seconds; the minute's sweep does the rest."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within)
        for task in late:
            task.cancel()
            _log.warning("nudge_lost", to="notifier", reason=f"not sent within {within:g} s")

    async def _nudge(self) -> None:
        await asyncio.sleep(max(0.0, self._next - self._clock()))
        self._next = self._clock() + self._interval
        self._due = False
        await self._nudger.nudge("notifier", Drain().event())
