"""A task of one page: visit it, then write its result, retry it, or give it back."""

from trapline_common.alerts.page_state import PageState
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.ledger import tasks
from trapline_crawler.bounded_visit import FAULTS, StoppedError
from trapline_crawler.politeness.decision import Deferred
from trapline_crawler.work.held_work import HeldWork
from trapline_crawler.work.retry_decision import paused_too_long, retry_after


async def work_on_page(held_work: HeldWork, task: tasks.LeasedTask, page: PageState) -> None:
    """Visit the page and complete, retry, put off or give back its task. A lost lease is counted, nothing is written.

    Raises ``TransientError`` for what the visit needs and is away, and any error that this task brings to light.
    """
    try:
        await _work(held_work, task, page)
    except StoppedError:
        await held_work.hand_back(task)
    except LeaseLostError:
        await held_work.lost(task)


async def _work(held_work: HeldWork, task: tasks.LeasedTask, page: PageState) -> None:
    crawl = held_work.run_of(task).crawl
    decision = await held_work.admission.ask(task, task.url, crawl)
    if isinstance(decision, Deferred):
        if await held_work.put_off(task, decision):
            return
        decision = paused_too_long(decision)
    if isinstance(decision, Failure):
        await _end(held_work, task, page, Observation(url=task.url, failure=decision))
        return
    try:
        observation = await held_work.bounded_visit(held_work.log_ins.visit(task.url, crawl), crawl)
    except FAULTS as fault:
        if await held_work.charge(task, fault.failure()):
            return
        observation = Observation(url=task.url, failure=fault.failure())
        await _end(held_work, task, page, observation)
        return
    host_pause = await held_work.admission.after(task, observation, decision)
    failure = observation.failure
    if failure is not None:
        delay = retry_after(failure, attempts=task.attempts, retries=crawl.retries, host_pause=host_pause)
        if delay is not None:
            await tasks.retry(held_work.database, task.lease, failure=failure, delay=delay)
            held_work.counters.retried += 1
            return
    await _end(held_work, task, page, observation)


async def _end(held_work: HeldWork, task: tasks.LeasedTask, page: PageState, observation: Observation) -> None:
    if observation.failure is None:
        step = tasks.NextStep(status=TaskStatus.DONE)
    else:
        step = tasks.NextStep(status=TaskStatus.FAILED, failure=observation.failure, failed_pages=1)
    await held_work.record(task, page, observation, step)
