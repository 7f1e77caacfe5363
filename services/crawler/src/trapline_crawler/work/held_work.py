"""What one invocation holds while it works: leased tasks, their runs' configs, and the ways a task leaves it."""

from collections import Counter
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import ConfigUnreadableError, LeaseLostError, LedgerUnavailableError, TraplineError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.domain.picture import PictureVerdict
from trapline_common.ledger import hosts, runs, slices, tasks
from trapline_common.ledger.announcing import announce
from trapline_common.ledger.answering import answer_runs
from trapline_common.ledger.completion import settle_and_lease
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.rescue import MAX_RESCUES
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.machine_memory import memory_here
from trapline_crawler.politeness.admission import LONGEST_PATIENCE, Admission
from trapline_crawler.politeness.decision import LONGEST_PAUSED, Deferred
from trapline_crawler.ports import Visitor
from trapline_crawler.services import Services
from trapline_crawler.sessions.shared_login import SharedLogIns
from trapline_crawler.time_budget import TimeBudget
from trapline_crawler.work.counters import Counters
from trapline_crawler.work.flight_limit import FlightLimit
from trapline_crawler.work.notifier_nudges import NotifierNudges
from trapline_crawler.work.rest import LONGEST_REST, REST_FROM, Rest
from trapline_crawler.work.share_along import ShareAlong

if TYPE_CHECKING:
    from trapline_crawler.pictures.page_picture import PagePictures

T = TypeVar("T")
_ENDS = frozenset({TaskStatus.DONE, TaskStatus.FAILED})
"""Steps with which a task is over."""

_log = get_logger("crawler")


class HeldWork:
    """What one invocation holds while it works: the work loop and the tasks it runs share it."""

    def __init__(
        self,
        services: Services,
        database: Database,
        held: Held,
        *,
        visitor: Visitor,
        nudges: NotifierNudges,
        budget: TimeBudget,
        rest: Rest | None = None,
    ) -> None:
        """``rest``: where a slice of a durable invocation notes what it keeps; ``None`` keeps nothing."""
        self.services = services
        self.database = database
        self.held = held
        self.visitor = visitor
        self.nudges = nudges
        self.budget = budget
        self.rest = rest
        self.counters = Counters()
        self.along = ShareAlong()
        self.log_ins = SharedLogIns(
            database,
            visitor,
            holder=held.invocation_id,
            seal=services.seal,
            secrets=services.secrets,
            every=services.pace.log_in_every,
            clock=budget.deadline.clock,
        )
        self.admission = Admission(
            database,
            held,
            budget,
            fetch=services.fetch,
            patience=services.pace.patience if rest is None else REST_FROM,
            longest_patience=LONGEST_PATIENCE if rest is None else REST_FROM,
        )
        self._frozen: dict[RunId, FrozenRun] = {}
        self._unfinished: Counter[RunId] = Counter()
        self._pictures: PagePictures | None = None
        self._flight = FlightLimit(services.new_load(), memory=memory_here())

    def note(self, share: Sequence[tasks.LeasedTask]) -> None:
        """Note what was leased, before the task whose result it came with is let go: its run goes on."""
        self._unfinished.update(task.run_id for task in share)

    async def read_configs(
        self, share: Sequence[tasks.LeasedTask]
    ) -> list[tuple[tasks.LeasedTask, ConfigUnreadableError]]:
        """Read the frozen config of runs not seen before; return what can't be worked on.

        That is each task, with the error, of a run whose config this release can't read.
        """
        unreadable: dict[RunId, ConfigUnreadableError] = {}
        for run_id in sorted({task.run_id for task in share} - self._frozen.keys()):
            try:
                self._frozen |= await runs.frozen(self.database, [run_id], pages=False)
            except ConfigUnreadableError as error:
                _log.error("config_unreadable", run_id=run_id, reason=str(error))
                unreadable[run_id] = error
        return [(task, unreadable[task.run_id]) for task in share if task.run_id in unreadable]

    @property
    def most_in_flight(self) -> int:
        """Tasks that are worked on at a time, at most. A slice has one: a second would keep the first from resting."""
        return self._flight.of(self.held.pages_in_flight) if self.rest is None else 1

    def look(self) -> None:
        """Decide anew how many pages may be in flight, from how busy everything is."""
        self._flight.look(self.held.pages_in_flight)

    async def bounded_visit(self, visit: Coroutine[Any, Any, T], crawl: CrawlConfig) -> T:
        """Visit a page, as long as there is time, and note how long it takes. Raises what ``bounded_visit`` does."""
        with self._flight.visit(crawl.longest_visit):
            return await self.budget.bounded_visit(visit)

    def renew(self, held: Held) -> None:
        """Work by the lane's limits as they are now, from the next share, page and host turn on."""
        self.held = held
        self.admission.renew(held)

    def run_of(self, task: tasks.LeasedTask) -> FrozenRun:
        """Return the frozen config of the task's run."""
        return self._frozen[task.run_id]

    async def let_go(self, task: tasks.LeasedTask) -> None:
        """Note that the invocation holds the task no more; after the last one of its run, end the run if it is done."""
        self._unfinished[task.run_id] -= 1
        if self._unfinished[task.run_id] == 0 and await self._end_run(task.run_id):
            self.nudges.alert_written()
            await self._tell_end(task.run_id)

    async def _end_run(self, run_id: RunId) -> bool:
        try:
            return await runs.end_if_done(self.database, run_id)
        except LedgerUnavailableError:
            raise
        except Exception:  # noqa: BLE001  (the reap tries again, and tells a person)
            _log.exception("run_not_ended", run_id=run_id)
            return False

    async def _tell_end(self, run_id: RunId) -> None:
        """Announce the run's end and answer who waits for it, after the commit; the reap tick repeats what fails."""
        try:
            if self.services.announcer is not None:
                await announce(self.database, self.services.announcer, run_id)
            if self.services.waiters is not None:
                await answer_runs(self.database, self.services.waiters, run_id)
        except LedgerUnavailableError:
            raise
        except TraplineError as error:
            _log.warning("run_end_not_told", run_id=run_id, reason=str(error))

    async def record(
        self, task: tasks.LeasedTask, page: PageState, observation: Observation, step: tasks.NextStep
    ) -> Verdict:
        """Write a visit's result and nudge the notifier if it caused an alert. Raises ``LeaseLostError``.

        With a task's last result the next share is leased, where the work loop wants one.
        """
        run = self.run_of(task)
        # Not with a page of a list that goes on: what came would lie there, leased, until the list has ended
        next_share = self.along.ask(self.held) if step.status in _ENDS else None
        share: list[tasks.LeasedTask] = []
        try:
            verdict, share = await settle_and_lease(
                self.database,
                task.lease,
                run=run,
                page=page,
                observation=observation,
                step=step,
                location=self.services.artifacts.location,
                judge_picture=None if run.crawl.visual is None else partial(self._judge_picture, run),
                next_share=next_share,
            )
        finally:
            if next_share is not None:
                self.counters.shares += bool(share)
                self.note(share)
                self.along.arrived(share)
        if step.status is TaskStatus.DONE:
            self.counters.done += 1
        elif step.status is TaskStatus.FAILED:
            self.counters.failed += 1
        if any(not alert.muted for alert in verdict.alerts):
            self.nudges.alert_written()
        return verdict

    async def _judge_picture(self, run: FrozenRun, page: PageState, observation: Observation) -> PictureVerdict:
        if self._pictures is None:
            # Only now: a crawler whose crawls compare no pictures loads nothing for them.
            from trapline_crawler.pictures.page_picture import new_page_pictures

            self._pictures = new_page_pictures(self.services.artifacts)
        return await self._pictures.judge(self.database, run, page, observation, within=self.budget.left)

    async def charge(self, task: tasks.LeasedTask, failure: Failure) -> bool:
        """Give the task back at the infrastructure's cost; ``False`` when its budget for that is used up.

        Then the caller records its failure. Raises ``LeaseLostError``.
        """
        if task.rescues >= MAX_RESCUES:
            return False
        await tasks.rescue_one(self.database, task.lease, failure=failure)
        self.counters.rescued += 1
        return True

    async def put_off(self, task: tasks.LeasedTask, deferred: Deferred) -> bool:
        """Give a task back, uncharged, until its host may be visited. Raises ``LeaseLostError``.

        A slice keeps an ordered task, and rests until then. ``False``: its host's pauses have put it off for too long
        in all; the caller records its failure.
        """
        detail, delay = deferred.reason, deferred.seconds
        if self.may_rest(task, delay):
            seconds = await self._rest(task, deferred)
            if seconds is None:
                return False
        elif not deferred.pause:
            await tasks.put_off(self.database, task.lease, detail=detail, delay=delay)
        elif not await tasks.pause(self.database, task.lease, detail=detail, delay=delay, longest=LONGEST_PAUSED):
            return False
        self.counters.put_off += 1
        return True

    def may_rest(self, task: tasks.LeasedTask, seconds: float) -> bool:
        """Say whether the task stays leased over a rest of so many seconds: an ordered one, in a slice that goes on."""
        goes_on = self.rest is not None and not self.budget.ending
        return goes_on and task.urls is not None and seconds <= LONGEST_REST

    async def _rest(self, task: tasks.LeasedTask, deferred: Deferred | None = None) -> float | None:
        """Keep the task for the next slice; return the seconds until then, ``None`` when its pauses are used up."""
        assert self.rest is not None, "the caller asked may_rest"
        seconds = 0.0 if deferred is None else deferred.seconds
        if deferred is None or not deferred.pause:
            await slices.keep(self.database, task.lease)
        else:
            paused = await slices.keep_paused(self.database, task.lease, delay=seconds, longest=LONGEST_PAUSED)
            if paused is None:
                return None
            seconds = paused
        if self.held.host_concurrency is not None:
            await hosts.leave(self.database, task.lease)  # nobody visits over a rest
        self.rest.until(seconds)
        self.budget.close()
        return seconds

    async def hand_back(self, task: tasks.LeasedTask) -> None:
        """Give a task back, uncharged: nothing of it is under way, and all its results are recorded.

        A slice that is out of time keeps an ordered task for the next one.
        """
        try:
            if self.may_rest(task, 0.0):
                await self._rest(task)
            else:
                await tasks.hand_back_one(self.database, task.lease)
                self.counters.handed_back += 1
        except LeaseLostError:
            await self.lost(task)

    async def lost(self, task: tasks.LeasedTask) -> None:
        """Count a write that the fence refused; the task's visit has ended, so its host's slot is free."""
        self.counters.stale += 1
        if self.held.host_concurrency is not None:
            await hosts.leave(self.database, task.lease)

    async def hand_back_unstarted(self, waiting: Sequence[tasks.LeasedTask]) -> None:
        """Give back tasks that were leased and never begun; a slice keeps ordered ones."""
        kept = [task for task in waiting if self.may_rest(task, 0.0)]
        for task in kept:
            await self.hand_back(task)
        leases = [task.lease for task in waiting if task not in kept]
        if leases:
            given = await tasks.hand_back_many(self.database, self.held, leases)
            self.counters.handed_back += given
            self.counters.stale += len(leases) - given
