"""A task of one page: visit it, then write its result, retry it, or give it back."""

from trapline_common.alerts.page_state import PageState
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.ledger import tasks
from trapline_crawler.bounded_visit import FAULTS, StoppedError
from trapline_crawler.politeness.admission import LONGEST_WAIT
from trapline_crawler.politeness.decision import PutOff
from trapline_crawler.work.held_work import Holding

MAX_BACKOFF = 60.0
"""Seconds; the retries within a run wait 1, 2, 4, ... up to this."""


def backoff(attempts: int) -> float:
    """Return the seconds to wait before the retry that follows ``attempts`` earlier ones."""
    return min(MAX_BACKOFF, 2.0 ** min(attempts, 10))


async def work_on_page(holding: Holding, task: tasks.LeasedTask, page: PageState) -> None:
    """Take one task to where it goes next. A lease that was lost meanwhile is counted, and nothing is written.

    Raises what is wrong with the whole invocation: ``TransientError`` of the ledger or the artifact store.
    """
    try:
        await _work(holding, task, page)
    except StoppedError:
        await holding.hand_back(task)
    except LeaseLostError:
        holding.tally.stale += 1


async def _work(holding: Holding, task: tasks.LeasedTask, page: PageState) -> None:
    crawl = holding.run_of(task).crawl
    go = await holding.admission.ask(task, task.url, crawl)
    if isinstance(go, PutOff):
        await holding.put_off(task, go)
        return
    if isinstance(go, Failure):
        await _end(holding, task, page, Observation(url=task.url, failure=go))
        return
    try:
        observation = await holding.visiting(holding.log_ins.visit(task.url, crawl))
    except FAULTS as fault:
        if await holding.charge(task, fault.failure()):
            return
        observation = Observation(url=task.url, failure=fault.failure())
        await _end(holding, task, page, observation)
        return
    peace = await holding.admission.after(task, observation, go)
    failure = observation.failure
    if failure is not None and failure.retry and task.attempts < crawl.retries and peace <= LONGEST_WAIT:
        delay = max(backoff(task.attempts), peace)
        await tasks.retry(holding.database, task.lease, failure=failure, delay=delay)
        holding.tally.retried += 1
        return
    await _end(holding, task, page, observation)


async def _end(holding: Holding, task: tasks.LeasedTask, page: PageState, observation: Observation) -> None:
    if observation.failure is None:
        step = tasks.NextStep(status=TaskStatus.DONE)
    else:
        step = tasks.NextStep(status=TaskStatus.FAILED, failure=observation.failure, failed_pages=1)
    await holding.record(task, page, observation, step)
