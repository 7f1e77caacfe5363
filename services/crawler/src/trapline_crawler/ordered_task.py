"""An ordered task: its pages one after the other in one session, with a checkpoint after every page."""

import asyncio
from dataclasses import replace

from trapline_common.errors import LeaseLostError
from trapline_common.lifecycle import TaskStatus
from trapline_common.observation import Failure, Observation, Reason
from trapline_common.store import tasks
from trapline_common.store.rescue import MAX_RESCUES

from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.holding import Holding
from trapline_crawler.page_task import backoff
from trapline_crawler.ports import Session
from trapline_crawler.visit.secret_values import SecretMissingError


async def work_on_ordered(holding: Holding, task: tasks.LeasedTask) -> None:
    """Visit the task's remaining pages in order. No page is visited again after its result committed.

    A page that fails is recorded and the task goes on, and ends ``failed``. When time runs out, the task is handed back:
    its checkpoint is that of the last recorded page.
    """
    try:
        await _Ordered(holding, task).run()
    except LeaseLostError:
        holding.tally.stale += 1


class _Ordered:
    def __init__(self, holding: Holding, task: tasks.LeasedTask) -> None:
        self._holding = holding
        self._task = task
        self._crawl = holding.run_of(task).crawl
        self._session: Session | None = None

    async def run(self) -> None:
        holding, urls = self._holding, self._task.urls or (self._task.url,)
        try:
            while True:
                if not holding.may_start(self._crawl.timeout):
                    await tasks.hand_back_one(holding.database, self._task.lease)
                    holding.tally.handed_back += 1
                    return
                url = urls[self._task.position]
                await holding.pacing.wait(url)
                await tasks.start(holding.database, self._task.lease)
                try:
                    observation = await self._visit(url)
                    checkpoint = await self._checkpoint()
                except BrowserFaultError as fault:
                    await self._drop_session()
                    if self._task.rescues < MAX_RESCUES:
                        await tasks.rescue_one(holding.database, self._task.lease, reason=str(fault.failure()))
                        holding.tally.rescued += 1
                        return
                    observation = Observation(url=url, failure=fault.failure())
                    checkpoint = self._task.checkpoint
                if await self._record(url, observation, checkpoint, last=self._task.position + 1 == len(urls)):
                    return
        finally:
            await self._drop_session()

    async def _visit(self, url: str) -> Observation:
        """Visit within the session, with the crawl's retries in place: later pages may depend on this one."""
        holding = self._holding
        if self._session is None:
            state = holding.services.seal.open(self._task.checkpoint)
            try:
                self._session = await holding.visitor.open_session(self._crawl, state)
            except SecretMissingError as error:
                missing = Failure(reason=Reason.SECRET, detail=str(error), retry=False)
                return Observation(url=url, failure=missing)
        for attempt in range(self._crawl.retries + 1):
            observation = await self._session.visit(url)
            failure = observation.failure
            wait = backoff(attempt)
            if failure is None or not failure.retry or not holding.may_start(wait + self._crawl.timeout):
                break
            if attempt < self._crawl.retries:
                holding.tally.retried += 1
                await asyncio.sleep(wait)
        return observation

    async def _checkpoint(self) -> bytes | None:
        if self._session is None:
            return self._task.checkpoint
        return self._holding.services.seal.close(await self._session.state())

    async def _record(self, url: str, observation: Observation, checkpoint: bytes | None, *, last: bool) -> bool:
        task = self._task
        bad = task.failed_pages + (observation.failure is not None)
        ending = TaskStatus.FAILED if bad else TaskStatus.DONE
        step = tasks.NextStep(
            status=ending if last else TaskStatus.LEASED,
            reason=f"{bad} of {task.position + 1} pages failed" if bad else None,
            position=task.position + 1,
            failed_pages=bad,
            checkpoint=None if last else checkpoint,
        )
        page = await tasks.read_page(self._holding.database, self._crawl.name, url)
        await self._holding.record(task, page, observation, step)
        self._task = replace(task, position=step.position, failed_pages=bad, checkpoint=checkpoint, rescues=0)
        return last

    async def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
