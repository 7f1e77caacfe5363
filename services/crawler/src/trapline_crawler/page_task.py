"""A task of one page: visit it, then write its result, retry it, or give it back."""

from trapline_common.alerting import PageState
from trapline_common.errors import LeaseLostError
from trapline_common.lifecycle import TaskStatus
from trapline_common.observation import Observation
from trapline_common.store import tasks
from trapline_common.store.rescue import MAX_RESCUES

from trapline_crawler.browser.errors import BrowserFaultError
from trapline_crawler.holding import Holding

MAX_BACKOFF = 60.0
"""Seconds; the retries within a run wait 1, 2, 4, ... up to this."""


def backoff(attempts: int) -> float:
    """Return the seconds to wait before the retry that follows ``attempts`` earlier ones."""
    return min(MAX_BACKOFF, 2.0 ** min(attempts, 10))


async def work_on_page(holding: Holding, task: tasks.LeasedTask, page: PageState) -> None:
    """Take one task to where it goes next. A lease that was lost meanwhile is counted, and nothing is written."""
    crawl = holding.run_of(task).crawl
    try:
        await holding.pacing.wait(task.url)
        await tasks.start(holding.database, task.lease)
        try:
            observation = await holding.visitor.visit(task.url, crawl)
        except BrowserFaultError as fault:
            if task.rescues < MAX_RESCUES:
                await tasks.rescue_one(holding.database, task.lease, reason=str(fault.failure()))
                holding.tally.rescued += 1
                return
            observation = Observation(url=task.url, failure=fault.failure())
        failure = observation.failure
        if failure is not None and failure.retry and task.attempts < crawl.retries:
            await tasks.retry(holding.database, task.lease, reason=str(failure), delay=backoff(task.attempts))
            holding.tally.retried += 1
            return
        step = (
            tasks.NextStep(status=TaskStatus.DONE)
            if failure is None
            else tasks.NextStep(status=TaskStatus.FAILED, reason=str(failure), failed_pages=1)
        )
        await holding.record(task, page, observation, step)
    except LeaseLostError:
        holding.tally.stale += 1
