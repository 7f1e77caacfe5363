"""The work loop of one invocation: lease a share, keep a bounded number of pages in flight, take another while it pays."""

import asyncio
from collections import deque

from trapline_common.errors import LeaseLostError
from trapline_common.logging import get_logger
from trapline_common.store import tasks

from trapline_crawler.holding import Holding
from trapline_crawler.ordered_task import work_on_ordered
from trapline_crawler.page_task import work_on_page

_log = get_logger("crawler")


class WorkLoop:
    """``run`` returns when nothing is left to lease for this invocation, time runs out, or it was told to stop."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding
        self._waiting: deque[tasks.LeasedTask] = deque()
        self._running: dict[asyncio.Task[None], tasks.LeasedTask] = {}
        self._leased_any = False
        self._drained = False  # the lane had nothing more for us when last asked

    @property
    def leased_any(self) -> bool:
        """Whether the invocation became ``running``."""
        return self._leased_any

    async def run(self) -> None:
        """Work. On an error or a cancellation the visits in flight are cancelled; the caller gives back what is held."""
        try:
            while await self._step():
                pass
            await self._hand_back_waiting()
            await self._finish_running()
        finally:
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _step(self) -> bool:
        """Lease, start, and wait for something to happen; ``False`` when the loop is over."""
        holding = self._holding
        room = holding.held.pages_in_flight - len(self._running)
        if room and not self._waiting and not (self._drained and self._running) and holding.may_start(0):
            await self._lease()
        self._start()
        if holding.stop.is_set() or (self._waiting and not self._fits(self._waiting[0])):
            return False
        if not self._running:
            return bool(self._waiting) or await self._linger()
        await self._wait_for_one()
        return True

    async def _lease(self) -> None:
        holding = self._holding
        share = await tasks.lease_share(
            holding.database, holding.held, share=holding.held.tasks_per_invocation, another=self._leased_any
        )
        self._drained = not share
        if share:
            self._leased_any = True
            holding.tally.shares += 1
            await holding.take(share)
            self._waiting.extend(share)

    def _start(self) -> None:
        """Start what fits. A task that was rescued runs alone, so that if it kills the browser it kills no neighbour."""
        while self._waiting and len(self._running) < self._holding.held.pages_in_flight:
            task = self._waiting[0]
            alone = task.rescues > 0 or any(other.rescues > 0 for other in self._running.values())
            if (alone and self._running) or not self._fits(task):
                return
            self._waiting.popleft()
            self._running[asyncio.create_task(self._work_on(task))] = task

    def _fits(self, task: tasks.LeasedTask) -> bool:
        return self._holding.may_start(self._holding.run_of(task).crawl.timeout)

    async def _work_on(self, task: tasks.LeasedTask) -> None:
        if task.page is None:
            await work_on_ordered(self._holding, task)
        else:
            await work_on_page(self._holding, task, task.page)
        await self._holding.let_go(task)

    async def _wait_for_one(self) -> None:
        stopped = asyncio.ensure_future(self._holding.stop.wait())
        try:
            await asyncio.wait({*self._running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        for finished in [running for running in self._running if running.done()]:
            self._running.pop(finished)
            finished.result()

    async def _linger(self) -> bool:
        """Wait for a retry of our own that is due soon, rather than leave it to a cold start; ``False`` when none is."""
        holding = self._holding
        if not holding.tally.retried or not self._leased_any:
            return False
        soonest = await tasks.soonest(holding.database, holding.held.lane)
        if soonest is None or soonest > holding.services.pace.linger or not holding.may_start(soonest):
            return False
        try:
            async with asyncio.timeout(max(soonest, 0.0) + 0.01):
                await holding.stop.wait()
        except TimeoutError:
            self._drained = False
            return True
        return False

    async def _hand_back_waiting(self) -> None:
        while self._waiting:
            await self._holding.hand_back(self._waiting.popleft())

    async def _finish_running(self) -> None:
        """Let visits in flight end while there is time; told to stop, cut them off at once.

        A visit that the deadline cuts off is charged as a rescue, so that a page too slow for it ends one day.
        """
        holding = self._holding
        grace = 0.0 if holding.stop.is_set() else holding.deadline.earlier(holding.services.pace.reserve / 2).left
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        cut = {running: task for running, task in self._running.items() if not running.done()}
        for running in cut:
            running.cancel()
        results = await asyncio.gather(*self._running, return_exceptions=True)
        for (running, task), result in zip(list(self._running.items()), results, strict=True):
            self._running.pop(running)
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
            if running in cut and isinstance(result, asyncio.CancelledError):
                await self._give_back_cut(task)

    async def _give_back_cut(self, task: tasks.LeasedTask) -> None:
        if self._holding.stop.is_set():
            await self._holding.hand_back(task)
            return
        _log.warning("visit_cut_off", url=task.url, task_id=task.lease.task_id)
        try:
            await tasks.rescue_one(self._holding.database, task.lease, reason="timeout: the invocation's time ran out")
            self._holding.tally.rescued += 1
        except LeaseLostError:
            self._holding.tally.stale += 1
        await self._holding.let_go(task)
