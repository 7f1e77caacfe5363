"""The work loop of one invocation: lease a share, keep a bounded number of pages in flight, take another while it pays."""

import asyncio
from collections import deque

from trapline_common.ledger import tasks
from trapline_crawler.work.held_work import Holding
from trapline_crawler.work.ordered_task import work_on_ordered
from trapline_crawler.work.page_task import work_on_page


class WorkLoop:
    """``run`` returns when nothing is left to lease for this invocation, time runs out, or it was told to stop."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding
        self._waiting: deque[tasks.LeasedTask] = deque()
        self._running: dict[asyncio.Task[None], tasks.LeasedTask] = {}
        self._leased_any = False
        self._drained = False  # the lane had nothing more for us when last asked
        self._asked_twice = False  # and still had nothing, though tasks were due: they are for others

    @property
    def leased_any(self) -> bool:
        """Whether the invocation became ``running``."""
        return self._leased_any

    async def run(self) -> None:
        """Work. At the end nothing is held: a task's own coroutine ends it, gives it back, or hands it back.

        On an error or a cancellation the visits in flight are cancelled, and the caller gives back what is held.
        """
        try:
            while await self._step():
                pass
            waiting = list(self._waiting)
            self._waiting.clear()
            await self._holding.hand_back_unstarted(waiting)
            while self._running:
                await self._one_ends()
        finally:
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def refuse_late(self) -> None:
        """After the invocation was taken away: the visits cut off by that are late. The fence refuses and counts each."""
        for task in [task for running, task in self._running.items() if running.cancelled()]:
            await self._holding.hand_back(task)

    async def _step(self) -> bool:
        """Lease, start, and wait for something to happen; ``False`` when the loop is over."""
        holding = self._holding
        if not self._running:
            self._drained = False  # there is nothing else to wait for: ask again
        self._start()
        while self._has_room() and not self._drained and self._may_lease():
            await self._lease()
            self._start()
        if holding.stop.is_set() or holding.closing or (self._waiting and not self._fits(self._waiting[0])):
            return False
        if not self._running:
            return bool(self._waiting) or await self._linger()
        await self._one_ends()
        return True

    def _may_lease(self) -> bool:
        return not self._holding.closing and self._holding.may_start(0)

    def _has_room(self) -> bool:
        """Whether a task leased now would start now: nothing waits, and no rescued task has to be alone."""
        free = len(self._running) < self._holding.held.pages_in_flight
        return free and not self._waiting and not self._rescued_runs()

    def _rescued_runs(self) -> bool:
        return any(task.rescues > 0 for task in self._running.values())

    async def _lease(self) -> None:
        holding = self._holding
        share = await tasks.lease_share(
            holding.database, holding.held, share=holding.held.tasks_per_invocation, another=self._leased_any
        )
        self._drained = not share
        if share:
            self._leased_any, self._asked_twice = True, False
            holding.tally.shares += 1
            await holding.take(share)
            self._waiting.extend(share)

    def _start(self) -> None:
        """Start what fits. A task that was rescued runs alone, so that if it kills the browser it kills no neighbour."""
        while self._waiting and len(self._running) < self._holding.held.pages_in_flight:
            task = self._waiting[0]
            alone = task.rescues > 0 or self._rescued_runs()
            if (alone and self._running) or not self._fits(task):
                return
            self._waiting.popleft()
            self._running[asyncio.create_task(self._work_on(task))] = task

    def _fits(self, task: tasks.LeasedTask) -> bool:
        return not self._holding.closing and self._holding.may_start(self._holding.run_of(task).crawl.longest_visit)

    async def _work_on(self, task: tasks.LeasedTask) -> None:
        if task.page is None:
            await work_on_ordered(self._holding, task)
        else:
            await work_on_page(self._holding, task, task.page)
        await self._holding.let_go(task)

    async def _one_ends(self) -> None:
        """Wait until a task in flight has come to its end; a stop, or the deadline, makes each end by itself."""
        finished, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            del self._running[task]
        for task in finished:
            task.result()

    async def _linger(self) -> bool:
        """Wait for a retry of our own that is due soon, rather than leave it to a cold start; ``False`` when none is."""
        holding = self._holding
        if not holding.tally.retried or not self._leased_any:
            return False
        soonest = await tasks.soonest(holding.database, holding.held.lane)
        if soonest is None or soonest > holding.services.pace.linger or not holding.may_start(0, after=soonest):
            return False
        if soonest <= 0:
            # It may have become due since we asked. If not, it waits for an idle invocation, and we for nothing.
            again, self._asked_twice = not self._asked_twice, True
            return again
        try:
            async with asyncio.timeout(soonest + 0.01):
                await holding.stop.wait()
        except TimeoutError:
            return True
        return False
