"""What one invocation holds while it works: its connection, its runs' configs, its time, and its part in ending runs."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.rescue import MAX_RESCUES
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.bounded_visit import bounded_visit
from trapline_crawler.politeness.admission import Admission
from trapline_crawler.politeness.decision import PutOff
from trapline_crawler.ports import Visitor
from trapline_crawler.services import Services
from trapline_crawler.sessions.shared_login import LogIns
from trapline_crawler.work.counters import Tally
from trapline_crawler.work.notifier_nudges import NotifierNudges

T = TypeVar("T")


class Holding:
    """Shared by the work loop and the tasks it runs. ``window``: the seconds there were for everything at the start."""

    def __init__(
        self,
        services: Services,
        database: Database,
        held: Held,
        *,
        visitor: Visitor,
        nudges: NotifierNudges,
        deadline: Deadline,
        stop: asyncio.Event,
    ) -> None:
        self.services = services
        self.database = database
        self.held = held
        self.visitor = visitor
        self.nudges = nudges
        self.deadline = deadline
        self.stop = stop
        self.window = deadline.left
        # A function whose whole time is little must not keep all of it for its end.
        self.reserve = min(services.pace.reserve, self.window / 4)
        self.closing = False  # a task had to be handed back for want of time: take no other
        self.tally = Tally()
        self.log_ins = LogIns(
            database,
            visitor,
            holder=held.invocation_id,
            seal=services.seal,
            secrets=services.secrets,
            every=services.pace.log_in_every,
            clock=deadline.clock,
        )
        self.admission = Admission(self)
        self._frozen: dict[RunId, FrozenRun] = {}
        self._in_hand: Counter[RunId] = Counter()

    async def take(self, share: list[tasks.LeasedTask]) -> None:
        """Note what was leased, and read the frozen config of runs not seen before."""
        for task in share:
            self._in_hand[task.run_id] += 1
        unknown = {task.run_id for task in share} - self._frozen.keys()
        if unknown:
            self._frozen |= await runs.frozen(self.database, sorted(unknown), pages=False)

    def run_of(self, task: tasks.LeasedTask) -> FrozenRun:
        """Return the frozen config of the task's run."""
        return self._frozen[task.run_id]

    def may_start(self, seconds: float, *, after: float = 0.0) -> bool:
        """Say whether work that may take ``seconds`` still fits before the deadline, begun ``after`` seconds from now.

        What would not even fit half of the whole window is started all the same while half of it is left: a
        deadline shorter than a crawl's time-out must not keep the crawl from being tried.
        """
        needed = min(seconds, self.window / 2) + self.reserve + after
        return not self.stop.is_set() and self.deadline.left >= needed

    async def pause(self, wait: float, *, seconds: float) -> bool:
        """Wait before work of ``seconds``; ``False`` at once when there will be no time for it, or as soon as told to stop."""
        if wait <= 0:
            return not self.stop.is_set()
        if not self.may_start(seconds, after=wait):
            return False
        try:
            async with asyncio.timeout(wait):
                await self.stop.wait()
        except TimeoutError:
            return True
        return False

    async def visiting(self, visit: Coroutine[Any, Any, T]) -> T:
        """Run one exchange with the browser, as long as there is time. Raises what ``bounded_visit`` does."""
        left = self.deadline.earlier(self.reserve / 2).left
        return await bounded_visit(visit, stop=self.stop, seconds=left)

    async def let_go(self, task: tasks.LeasedTask) -> None:
        """The task is no longer in our hands; after the last one of its run, see whether the run has ended."""
        self._in_hand[task.run_id] -= 1
        if self._in_hand[task.run_id] == 0 and await runs.end_if_done(self.database, task.run_id):
            self.nudges.alert_written()

    async def record(
        self, task: tasks.LeasedTask, page: PageState, observation: Observation, step: tasks.NextStep
    ) -> Verdict:
        """Write a visit's result and nudge the notifier if it caused an alert. Raises ``LeaseLostError``."""
        verdict = await settle(
            self.database,
            task.lease,
            run=self.run_of(task),
            page=page,
            observation=observation,
            step=step,
            place=self.services.artifacts.place,
        )
        if step.status is TaskStatus.DONE:
            self.tally.done += 1
        elif step.status is TaskStatus.FAILED:
            self.tally.failed += 1
        if any(not alert.muted for alert in verdict.alerts):
            self.nudges.alert_written()
        return verdict

    async def charge(self, task: tasks.LeasedTask, failure: Failure) -> bool:
        """Give the task back at the infrastructure's cost; ``False`` when its budget for that is used up.

        Then its failure is to be recorded. Raises ``LeaseLostError``.
        """
        if task.rescues >= MAX_RESCUES:
            return False
        await tasks.rescue_one(self.database, task.lease, failure=failure)
        self.tally.rescued += 1
        return True

    async def put_off(self, task: tasks.LeasedTask, off: PutOff) -> None:
        """Give a task back, uncharged, until its host may be visited. Raises ``LeaseLostError``."""
        await tasks.put_off(self.database, task.lease, detail=off.reason, delay=off.seconds)
        self.tally.put_off += 1

    async def hand_back(self, task: tasks.LeasedTask) -> None:
        """Give a task back, uncharged: nothing of it is under way, and all its results are recorded."""
        try:
            await tasks.hand_back_one(self.database, task.lease)
            self.tally.handed_back += 1
        except LeaseLostError:
            self.tally.stale += 1

    async def hand_back_unstarted(self, waiting: Sequence[tasks.LeasedTask]) -> None:
        """Give back tasks that were leased and never begun."""
        if waiting:
            given = await tasks.hand_back_many(self.database, self.held, [task.lease for task in waiting])
            self.tally.handed_back += given
            self.tally.stale += len(waiting) - given
