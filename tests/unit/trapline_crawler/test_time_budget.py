"""What an invocation may still start, on a clock that the test moves."""

import asyncio

import pytest

from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.bounded_visit import StoppedError, VisitCutOffError
from trapline_crawler.time_budget import TimeBudget


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def budget_of(seconds: float, clock: Clock, *, reserve: float = 10.0) -> TimeBudget:
    return TimeBudget(Deadline.after(seconds, clock=clock), asyncio.Event(), reserve=reserve)


def test_work_starts_while_it_fits_before_the_reserve() -> None:
    """Work of 30 s starts until 40 s are left, 10 of them for the end; a wait before it counts too."""
    clock = Clock()
    budget = budget_of(100, clock)
    clock.now += 60
    assert budget.may_start(30)
    assert not budget.may_start(30, after=0.5)
    clock.now += 0.5
    assert not budget.may_start(30)


def test_a_visit_longer_than_the_function_is_tried_in_its_first_half() -> None:
    """What can never fit is started while half of the whole time is left, and the reserve takes a quarter at most."""
    clock = Clock()
    budget = budget_of(20, clock)
    assert budget.may_start(300)
    clock.now += 5.5
    assert not budget.may_start(300)


async def test_want_of_time_closes_the_budget_for_good() -> None:
    """Once a task has to go back for want of time nothing more is leased."""
    clock = Clock()
    budget = budget_of(100, clock)
    await budget.wait_to_start(0, seconds=30)
    assert not budget.closing
    clock.now += 80
    with pytest.raises(StoppedError, match="no time is left"):
        await budget.wait_to_start(0, seconds=30)
    assert budget.closing


async def test_a_stop_ends_a_wait_and_a_visit() -> None:
    """Asked to stop, the budget ends a pause, cancels the visit under way, and starts nothing any more."""
    budget = budget_of(100, Clock())
    pause = asyncio.create_task(budget.pause(50, seconds=1))
    waiting = asyncio.create_task(budget.wait_to_start(50, seconds=1))
    visit = asyncio.create_task(budget.bounded_visit(asyncio.sleep(50)))
    await asyncio.sleep(0)
    budget.stop.set()
    assert not await pause
    for stopped in (waiting, visit):
        with pytest.raises(StoppedError):
            await stopped
    assert not budget.closing
    assert not budget.may_start(0)


async def test_a_visit_is_cut_off_before_half_of_the_reserve() -> None:
    """A visit gets the time that is left, less half of the reserve, which closes its page and hands its task back."""
    clock = Clock()
    budget = budget_of(100, clock)
    clock.now += 94.999
    with pytest.raises(VisitCutOffError):
        await budget.bounded_visit(asyncio.sleep(50))
