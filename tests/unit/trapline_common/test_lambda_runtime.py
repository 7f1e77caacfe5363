"""Deadlines, and the bridge from a synchronous handler."""

import asyncio

import pytest

from support.alerts import Clock
from trapline_common.platform.lambda_runtime import Deadline, LocalContext, run


async def test_a_deadline_counts_down_on_the_clock_it_was_given() -> None:
    """``left`` shrinks with the clock, never below zero; ``passed`` turns at the end; a reserve comes off it."""
    clock = Clock()
    context = LocalContext(aws_request_id="r", deadline=Deadline.after(90, clock=clock))
    deadline = Deadline.of(context, reserve=30, clock=clock)
    assert (deadline.left, deadline.passed) == (60.0, False)
    assert deadline.earlier(10).left == 50.0
    await clock.sleep(60)
    assert (deadline.left, deadline.passed) == (0.0, True)
    assert context.get_remaining_time_in_millis() == 30_000
    await clock.sleep(100)
    assert (deadline.left, context.get_remaining_time_in_millis()) == (0.0, 0)


def test_every_run_has_a_loop_of_its_own_and_leaves_nothing() -> None:
    """A warm environment's second call gets a new loop, and the task the first one left is cancelled, not frozen."""
    left: list[asyncio.Task[object]] = []

    async def work() -> asyncio.AbstractEventLoop:
        left.append(asyncio.create_task(asyncio.Event().wait()))
        await asyncio.to_thread(len, "x")
        return asyncio.get_running_loop()

    first, second = run(work), run(work)
    assert first is not second
    assert first.is_closed()
    assert all(task.cancelled() for task in left)


def test_a_handlers_error_is_raised_to_the_platform() -> None:
    """What the coroutine raises, the synchronous handler raises."""

    async def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        run(fail)
