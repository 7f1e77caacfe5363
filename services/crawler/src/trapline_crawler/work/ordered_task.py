"""An ordered task: its pages one after the other in one session, with a checkpoint after every page."""

from dataclasses import replace

from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import tasks
from trapline_crawler.bounded_visit import FAULTS, StoppedError
from trapline_crawler.politeness.admission import Go
from trapline_crawler.politeness.decision import PutOff
from trapline_crawler.work.held_work import Holding
from trapline_crawler.work.ordered_session import OrderedSession
from trapline_crawler.work.page_task import backoff


async def work_on_ordered(holding: Holding, task: tasks.LeasedTask) -> None:
    """Visit the task's remaining pages in order. No page is visited again after its result committed.

    A page that fails is recorded and the task goes on, and ends ``failed``. When time runs out, or on a stop, the task
    is handed back: its checkpoint is that of the last recorded page. Raises what is wrong with the whole invocation.
    """
    ordered = _Ordered(holding, task)
    try:
        await ordered.run()
    except StoppedError:
        await holding.hand_back(task)
    except LeaseLostError:
        holding.tally.stale += 1
    finally:
        await ordered.close()


class _Ordered:
    def __init__(self, holding: Holding, task: tasks.LeasedTask) -> None:
        self._holding = holding
        self._task = task
        self._urls = task.urls or (task.url,)
        self._crawl = holding.run_of(task).crawl
        self._session = OrderedSession(holding, self._crawl)

    async def run(self) -> None:
        holding = self._holding
        while self._task.position < len(self._urls):
            url = self._urls[self._task.position]
            go = await holding.admission.ask(self._task, url, self._crawl)
            if isinstance(go, PutOff):
                await holding.put_off(self._task, go)
                return
            if isinstance(go, Failure):
                await self._record(url, Observation(url=url, failure=go), self._task.checkpoint)
            elif not await self._next_page(url, go):
                return

    async def close(self) -> None:
        """End the session, if there is one."""
        await self._session.close()

    async def _next_page(self, url: str, go: Go) -> bool:
        """Visit the page and record it with the checkpoint after it; ``False`` when the task was given back instead."""
        observation, checkpoint = None, self._task.checkpoint
        try:
            observation = await self._visit(url, go)
            checkpoint = await self._session.checkpoint(self._task.checkpoint)
        except FAULTS as fault:
            await self.close()
            if await self._holding.charge(self._task, fault.failure()):
                return False
            # What was found stands, if only the session could not be saved: the next page begins with the old one.
            observation = observation or Observation(url=url, failure=fault.failure())
        await self._record(url, observation, checkpoint)
        return True

    async def _visit(self, url: str, go: Go) -> Observation:
        """Visit within the session, with the crawl's retries in place: later pages may depend on this one."""
        holding = self._holding
        observation = await self._session.visit(url, self._task.checkpoint)
        peace = await holding.admission.after(self._task, observation, go)
        for attempt in range(self._crawl.retries):
            if observation.failure is None or not observation.failure.retry:
                break
            again = await self._wait_for_retry(url, max(backoff(attempt), peace))
            if again is None:
                break
            holding.tally.retried += 1
            observation = await self._session.visit(url, self._task.checkpoint)
            peace = await holding.admission.after(self._task, observation, again)
        return observation

    async def _wait_for_retry(self, url: str, seconds: float) -> Go | None:
        """Wait; ``None`` when there is no time left for a retry. Raises ``StoppedError``."""
        holding, crawl = self._holding, self._crawl
        waited = await holding.pause(seconds, seconds=crawl.longest_visit)
        if holding.stop.is_set():
            raise StoppedError("told to stop before a retry")
        go = await holding.admission.ask(self._task, url, crawl) if waited else None
        return go if isinstance(go, Go) else None

    async def _record(self, url: str, observation: Observation, checkpoint: bytes | None) -> None:
        task = self._task
        last = task.position + 1 == len(self._urls)
        bad = task.failed_pages + (observation.failure is not None)
        ending = TaskStatus.FAILED if bad else TaskStatus.DONE
        step = tasks.NextStep(
            status=ending if last else TaskStatus.LEASED,
            failure=_pages_failed(bad, task.position + 1) if bad else None,
            position=task.position + 1,
            failed_pages=bad,
            checkpoint=None if last else checkpoint,
        )
        page = await tasks.read_page(self._holding.database, self._crawl.name, url)
        await self._holding.record(task, page, observation, step)
        self._task = replace(task, position=step.position, failed_pages=bad, checkpoint=checkpoint, rescues=0)


def _pages_failed(bad: int, visited: int) -> Failure:
    return Failure(reason=Reason.PAGES, detail=f"{bad} of {visited} pages failed", retry=False)
