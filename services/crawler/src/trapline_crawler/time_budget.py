"""The time of one invocation: what may still be started, what is waited for, and when nothing more is begun."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.bounded_visit import StoppedError, bounded_visit

T = TypeVar("T")


class TimeBudget:
    """What the deadline and a request to stop leave of an invocation. ``reserve``: seconds kept for an ordered end."""

    __slots__ = ("_closing", "_reserve", "_winding_down", "_window", "deadline", "stop")

    def __init__(self, deadline: Deadline, stop: asyncio.Event, *, reserve: float) -> None:
        self.deadline = deadline
        self.stop = stop
        self._window = deadline.left
        # A function whose whole time is little must not keep all of it for its end.
        self._reserve = min(reserve, self._window / 4)
        self._closing = False
        self._winding_down = asyncio.Event()

    def wind_down(self) -> None:
        """Begin nothing more: the lane's cap was lowered below this invocation. Visits under way go on to their end."""
        self._winding_down.set()

    @property
    def ending(self) -> bool:
        """Whether the invocation was asked to stop, or winds down: what it has not begun goes back."""
        return self.stop.is_set() or self._winding_down.is_set()

    @property
    def closing(self) -> bool:
        """Whether a task had to be handed back for want of time, or rests: the invocation leases no other."""
        return self._closing

    def close(self) -> None:
        """Lease no other task: one rests until the next slice."""
        self._closing = True

    def may_start(self, seconds: float, *, after: float = 0.0) -> bool:
        """Say whether work that may take ``seconds`` still fits before the deadline, begun ``after`` seconds from now.

        What would not even fit half of the whole window is started all the same while half of it is left: a
        deadline shorter than a crawl's time-out must not keep the crawl from being tried.
        """
        needed = min(seconds, self._window / 2) + self._reserve + after
        return not self.ending and self.deadline.left >= needed

    async def pause(self, wait: float, *, seconds: float) -> bool:
        """Wait before work of ``seconds``; ``False`` at once when no time is left for it, or as soon as it ends."""
        if wait <= 0:
            return not self.ending
        if not self.may_start(seconds, after=wait):
            return False
        return not await self.ends_within(wait)

    async def wait_to_start(self, wait: float, *, seconds: float) -> None:
        """Wait before work of ``seconds``. Raises ``StoppedError`` when no time is left for it, or when stopped.

        When no time is left the budget is ``closing`` from then on: what is handed back now would only be leased again.
        """
        if not self.may_start(seconds, after=wait):
            self._closing = True
            raise StoppedError("no time is left for a visit")
        if not await self.pause(wait, seconds=seconds):
            raise StoppedError("the invocation was asked to stop before a visit")

    async def ends_within(self, seconds: float) -> bool:
        """Wait for a request to stop or to wind down, at most ``seconds``; return whether one came."""
        either = [asyncio.ensure_future(event.wait()) for event in (self.stop, self._winding_down)]
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in either:
                waiting.cancel()
        return self.ending

    @property
    def left(self) -> float:
        """Seconds until only the time for an ordered end is left; for what follows a visit."""
        return self.deadline.earlier(self._reserve / 2).left

    async def bounded_visit(self, visit: Coroutine[Any, Any, T]) -> T:
        """Run one exchange with the browser, as long as there is time. Raises what ``bounded_visit`` does."""
        return await bounded_visit(visit, stop=self.stop, seconds=self.left)
