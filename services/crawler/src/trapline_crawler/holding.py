"""What one invocation holds while it works: its connection, its runs' configs, and its part in ending them."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from trapline_common.alerting import PageState, Verdict
from trapline_common.errors import LeaseLostError
from trapline_common.ids import RunId
from trapline_common.lambda_runtime import Deadline
from trapline_common.lifecycle import TaskStatus
from trapline_common.observation import Observation
from trapline_common.store import runs, tasks
from trapline_common.store.database import Database
from trapline_common.store.invocations import Held
from trapline_common.store.verdicts import FrozenRun, settle

from trapline_crawler.nudges import NotifierNudges
from trapline_crawler.pacing import HostPacing
from trapline_crawler.ports import Visitor
from trapline_crawler.services import Services
from trapline_crawler.tally import Tally


class Holding:
    """Shared by the work loop and the tasks it runs."""

    def __init__(
        self,
        services: Services,
        database: Database,
        held: Held,
        *,
        visitor: Visitor,
        deadline: Deadline,
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.services = services
        self.database = database
        self.held = held
        self.visitor = visitor
        self.deadline = deadline
        self.stop = stop
        self.window = deadline.left
        self.tally = Tally()
        self.nudges = NotifierNudges(services.nudger, clock=clock)
        self.pacing = HostPacing(held.host_delay, clock=clock)
        self._frozen: dict[RunId, FrozenRun] = {}
        self._in_hand: Counter[RunId] = Counter()

    async def take(self, share: list[tasks.LeasedTask]) -> None:
        """Note what was leased, and read the frozen config of runs not seen before."""
        for task in share:
            self._in_hand[task.run_id] += 1
        unknown = {task.run_id for task in share} - self._frozen.keys()
        if unknown:
            self._frozen |= await runs.frozen(self.database, sorted(unknown))

    def run_of(self, task: tasks.LeasedTask) -> FrozenRun:
        """Return the frozen config of the task's run."""
        return self._frozen[task.run_id]

    def may_start(self, seconds: float) -> bool:
        """Say whether work that may take ``seconds`` still fits before the deadline.

        What would not even fit half of the whole window is started all the same while half of it is left: a
        deadline shorter than a crawl's time-out must not keep the crawl from being tried.
        """
        return not self.stop.is_set() and self.deadline.left >= min(seconds, self.window / 2) + self.services.pace.reserve

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
        if observation.failure is not None:
            self.tally.reasons[observation.failure.reason] += 1
        if step.status is TaskStatus.DONE:
            self.tally.done += 1
        elif step.status is TaskStatus.FAILED:
            self.tally.failed += 1
        if any(not alert.muted for alert in verdict.alerts):
            self.nudges.alert_written()
        return verdict

    async def hand_back(self, task: tasks.LeasedTask) -> None:
        """Give a task back that was not started, or whose pages are all recorded up to its position."""
        try:
            await tasks.hand_back_one(self.database, task.lease)
            self.tally.handed_back += 1
        except LeaseLostError:
            self.tally.stale += 1
        await self.let_go(task)
