"""An ordered task: its pages one after the other in one session, with a checkpoint after every page."""

from dataclasses import replace
from itertools import count

from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import tasks
from trapline_crawler.bounded_visit import FAULTS, StoppedError
from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.politeness.admission import host_of
from trapline_crawler.politeness.decision import Admitted, Deferred
from trapline_crawler.work.held_work import HeldWork
from trapline_crawler.work.ordered_session import OrderedSession
from trapline_crawler.work.rest import REST_FROM
from trapline_crawler.work.retry_decision import paused_too_long, retry_after


async def work_on_ordered(held_work: HeldWork, task: tasks.LeasedTask) -> None:
    """Visit the task's remaining pages in order. No page is visited again after its result committed.

    A page that fails is recorded and the task goes on, and ends ``failed``. When time runs out, or on a stop, the task
    is handed back: its checkpoint is that of the last recorded page. Raises what concerns the whole invocation.
    """
    ordered = _Ordered(held_work, task)
    try:
        await ordered.run()
    except StoppedError:
        await held_work.hand_back(task)
    except LeaseLostError:
        await held_work.lost(task)
    finally:
        await ordered.close()


class _Ordered:
    def __init__(self, held_work: HeldWork, task: tasks.LeasedTask) -> None:
        self._held_work = held_work
        self._task = task
        self._urls = task.urls or (task.url,)
        self._crawl = held_work.run_of(task).crawl
        self._session = OrderedSession(held_work, self._crawl)

    async def run(self) -> None:
        held_work = self._held_work
        while self._task.position < len(self._urls):
            url = self._urls[self._task.position]
            decision = await held_work.admission.ask(self._task, url, self._crawl)
            if isinstance(decision, Deferred):
                if await held_work.put_off(self._task, decision):
                    return
                decision = paused_too_long(decision)
            if isinstance(decision, Failure):
                await self._record(url, Observation(url=url, failure=decision), self._task.checkpoint)
            elif not await self._next_page(url, decision):
                return

    async def close(self) -> None:
        """End the session, if there is one."""
        await self._session.close()

    async def _next_page(self, url: str, admitted: Admitted, *, again: bool = False) -> bool:
        """Visit the page and record it with the checkpoint after it; ``False`` when the task goes back, or rests.

        A fault of a browser that other visits were in may be a neighbour's: the page is visited ``again``, uncharged.
        """
        observation, checkpoint = None, self._task.checkpoint
        try:
            found = await self._visit(url, admitted)
            if isinstance(found, Deferred):
                if await self._held_work.put_off(self._task, found):
                    return False
                found = Observation(url=url, failure=paused_too_long(found))
            observation = found
            checkpoint = await self._session.checkpoint(self._task.checkpoint)
        except FAULTS as fault:
            await self.close()
            if isinstance(fault, BrowserFaultError) and fault.in_company and observation is None and not again:
                return await self._next_page(url, admitted, again=True)
            if await self._held_work.charge(self._task, fault.failure()):
                return False
            # What was found stands, if only the session could not be saved: the next page begins with the old one.
            observation = observation or Observation(url=url, failure=fault.failure())
        await self._record(url, observation, checkpoint)
        return True

    async def _visit(self, url: str, admitted: Admitted) -> Observation | Deferred:
        """Visit within the session and retry at once, as the crawl allows: later pages may depend on this one.

        ``Deferred``: the host asks for a pause over which a slice rests; then the page is visited again.
        """
        held_work = self._held_work
        observation = await self._session.visit(url, self._task.checkpoint)
        for attempts in count():
            host_pause = await held_work.admission.after(self._task, observation, admitted)
            failure = observation.failure
            if failure is None:
                break
            delay = retry_after(failure, attempts=attempts, retries=self._crawl.retries, host_pause=host_pause)
            if delay is not None and host_pause > REST_FROM and held_work.may_rest(self._task, host_pause):
                return Deferred(seconds=host_pause, reason=f"{host_of(url)} asks for a pause", pause=True)
            retry = None if delay is None else await self._wait_for_retry(url, delay)
            if retry is None:
                break
            held_work.counters.retried += 1
            observation = await self._session.visit(url, self._task.checkpoint)
            admitted = retry
        return observation

    async def _wait_for_retry(self, url: str, seconds: float) -> Admitted | None:
        """Wait; ``None`` when there is no time left for a retry. Raises ``StoppedError``."""
        held_work, crawl = self._held_work, self._crawl
        waited = await held_work.budget.pause(seconds, seconds=crawl.longest_visit)
        if held_work.budget.ending:
            raise StoppedError("the invocation was asked to end before a retry")
        decision = await held_work.admission.ask(self._task, url, crawl) if waited else None
        return decision if isinstance(decision, Admitted) else None

    async def _record(self, url: str, observation: Observation, checkpoint: bytes | None) -> None:
        task = self._task
        last = task.position + 1 == len(self._urls)
        failed = task.failed_pages + (observation.failure is not None)
        ending = TaskStatus.FAILED if failed else TaskStatus.DONE
        step = tasks.NextStep(
            status=ending if last else TaskStatus.LEASED,
            failure=_pages_failed(failed, task.position + 1) if failed else None,
            position=task.position + 1,
            failed_pages=failed,
            checkpoint=None if last else checkpoint,
        )
        page = await tasks.read_page(self._held_work.database, self._crawl.name, url)
        await self._held_work.record(task, page, observation, step)
        self._task = replace(task, position=step.position, failed_pages=failed, checkpoint=checkpoint, rescues=0)


def _pages_failed(failed: int, visited: int) -> Failure:
    return Failure(reason=Reason.PAGES, detail=f"{failed} of {visited} pages failed", retry=False)
