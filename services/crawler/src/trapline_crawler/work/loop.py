"""The work loop of one invocation: lease a share, keep a bounded number of pages in flight, take another share."""

import asyncio
from collections import deque
from collections.abc import Sequence

import asyncpg

from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.ledger import tasks
from trapline_common.ledger.slices import Adopted
from trapline_crawler.work.flight_limit import EVERY
from trapline_crawler.work.held_work import HeldWork
from trapline_crawler.work.ledger_contact import LedgerSilentError
from trapline_crawler.work.ordered_task import work_on_ordered
from trapline_crawler.work.page_task import work_on_page
from trapline_crawler.work.task_faults import give_up, pass_poison, wait_out


class WorkLoop:
    """``run`` returns when nothing is left to lease for this invocation, time runs out, or it is asked to end."""

    def __init__(self, held_work: HeldWork) -> None:
        self._held_work = held_work
        self._waiting: deque[tasks.LeasedTask] = deque()
        self._running: dict[asyncio.Task[None], tasks.LeasedTask] = {}
        self._leased_any = False
        self._drained = False  # the lane had nothing more for this invocation when last asked
        self._asked_twice = False  # and again nothing, though tasks were due: idle invocations take them
        self._leasing = False  # a lease by itself is under way: no result brings another
        held_work.along.wanted = self._wants_share

    async def adopt(self, adopted: Sequence[Adopted], *, running: bool) -> None:
        """Go on with what the slice before left leased. ``running``: the invocation has held a task already.

        A task of which slices died too often passes the page that it stands at, as poison, and goes back.
        """
        self._leased_any = running
        share = [one.task for one in adopted]
        self._held_work.note(share)
        await self._take(share)
        for one in adopted:
            if one.poison is not None and one.task in self._waiting:
                self._waiting.remove(one.task)
                await pass_poison(self._held_work, one.task, one.poison)
                await self._held_work.let_go(one.task)

    @property
    def leased_any(self) -> bool:
        """Whether the invocation became ``running``."""
        return self._leased_any

    async def run(self) -> None:
        """Work. At the end no task is held: each task's own coroutine ends it, gives it back, or hands it back.

        On an error or a cancellation the visits in flight are cancelled, and the caller gives back what is held.
        """
        try:
            while await self._step():
                pass
            waiting = list(self._waiting)
            self._waiting.clear()
            await self._held_work.hand_back_unstarted(waiting)
            while self._running:
                await self._something_happens()
            await self._held_work.hand_back_unstarted(self._held_work.along.collect())
        finally:
            for running in self._running:
                running.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def refuse_late(self) -> None:
        """After the invocation was taken away, hand back the visits it cut off: the fence refuses each, counted."""
        for task in [task for running, task in self._running.items() if running.cancelled()]:
            await self._held_work.hand_back(task)

    async def _step(self) -> bool:
        """Lease, start, and wait for something to happen; ``False`` when the loop is over."""
        budget = self._held_work.budget
        await self._take(self._held_work.along.collect())
        if not self._running:
            self._drained = False  # no task is left to wait for: ask again
        self._start()
        while self._has_capacity() and not self._drained and self._may_lease():
            await self._lease()
            self._start()
        if budget.ending or budget.closing or (self._waiting and not self._fits(self._waiting[0])):
            return False
        if not self._running:
            return bool(self._waiting) or await self._linger()
        await self._something_happens()
        return True

    def _may_lease(self) -> bool:
        return not self._held_work.budget.closing and self._held_work.budget.may_start(0)

    def _has_capacity(self) -> bool:
        """Whether a task leased now would start now: nothing waits, and no rescued task has to be alone."""
        free = len(self._running) < self._held_work.most_in_flight
        return free and not self._waiting and not self._held_work.along.pending and not self._rescued_runs()

    def _wants_share(self) -> bool:
        """Whether it would lease if one of the tasks in flight had ended."""
        others = len(self._running) - 1
        room = others < self._held_work.most_in_flight and not self._waiting
        asking = self._leasing or self._drained
        return room and not asking and not (others and self._rescued_runs()) and self._may_lease()

    def _rescued_runs(self) -> bool:
        return any(task.rescues > 0 for task in self._running.values())

    async def _lease(self) -> None:
        held_work = self._held_work
        self._leasing = True
        try:
            share = await tasks.lease_share(
                held_work.database, held_work.held, share=held_work.held.tasks_per_invocation, another=self._leased_any
            )
        finally:
            self._leasing = False
        self._drained = not share
        held_work.counters.shares += bool(share)
        held_work.note(share)
        await self._take(share)

    async def _take(self, share: Sequence[tasks.LeasedTask]) -> None:
        if not share:
            return
        self._leased_any, self._asked_twice = True, False
        self._waiting.extend(share)
        for task, error in await self._held_work.read_configs(share):
            self._waiting.remove(task)
            await wait_out(self._held_work, task, error)
            await self._held_work.let_go(task)

    def _start(self) -> None:
        """Start what fits. A task that was rescued runs alone: should it kill the browser, it kills no neighbour."""
        while self._waiting and len(self._running) < self._held_work.most_in_flight:
            task = self._waiting[0]
            alone = task.rescues > 0 or self._rescued_runs()
            if (alone and self._running) or not self._fits(task):
                return
            self._waiting.popleft()
            self._running[asyncio.create_task(self._work_on(task))] = task

    def _fits(self, task: tasks.LeasedTask) -> bool:
        longest = self._held_work.run_of(task).crawl.longest_visit
        return not self._held_work.budget.closing and self._held_work.budget.may_start(longest)

    async def _work_on(self, task: tasks.LeasedTask) -> None:
        """Work on one task. Raises what concerns the whole invocation: the ledger is away, silent or broken."""
        try:
            if task.page is None:
                await work_on_ordered(self._held_work, task)
            else:
                await work_on_page(self._held_work, task, task.page)
        except (LedgerUnavailableError, LedgerSilentError, asyncpg.PostgresError):
            raise  # a table or a right is missing: every other task would meet the same
        except TransientError as error:
            await wait_out(self._held_work, task, error)
        except Exception as error:  # noqa: BLE001  (logged with its traceback, and charged to the task)
            await give_up(self._held_work, task, error)
        await self._held_work.let_go(task)

    async def _something_happens(self) -> None:
        """Wait until a task in flight has come to its end, or it is time to look whether another may be in flight.

        A stop, or the deadline, makes each end by itself.
        """
        finished, _ = await asyncio.wait(self._running, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
        self._held_work.look()
        for task in finished:
            del self._running[task]
        for task in finished:
            task.result()

    async def _linger(self) -> bool:
        """Wait for this invocation's own retry that is due soon: it saves a cold start. ``False`` when none is."""
        held_work, budget = self._held_work, self._held_work.budget
        if not held_work.counters.retried or not self._leased_any:
            return False
        soonest = await tasks.soonest(held_work.database, held_work.held.lane)
        if soonest is None or soonest > held_work.services.pace.linger or not budget.may_start(0, after=soonest):
            return False
        if soonest <= 0:
            # It may have become due since the last lease. If not, an idle invocation takes it, and none waits here.
            first, self._asked_twice = not self._asked_twice, True
            return first
        return not await budget.ends_within(soonest + 0.01)
