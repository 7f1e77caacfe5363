"""The event loop that a function's environment keeps: what a call leaves has ended, what is kept lives on."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from trapline_crawler.kept_loop import KeptLoop

SHORT = 0.01


@pytest.fixture
def loop() -> Iterator[KeptLoop]:
    kept = KeptLoop()
    yield kept
    kept.close()


def test_calls_share_a_loop_and_nothing_else(loop: KeptLoop) -> None:
    """The second call finds neither a task nor a thread of the first; a task that waits is cancelled, not frozen."""
    left: list[asyncio.Task[object]] = []
    threads = threading.active_count()

    async def work() -> tuple[asyncio.AbstractEventLoop, int]:
        found = len(asyncio.all_tasks())
        left.append(asyncio.create_task(asyncio.Event().wait()))
        await asyncio.to_thread(len, "x")
        return asyncio.get_running_loop(), found

    first, second = loop.run(work), loop.run(work)
    assert first == second
    assert first[1] == 1
    assert all(task.cancelled() for task in left)
    assert threading.active_count() == threads


def test_a_task_that_is_cancelled_may_end_in_order(loop: KeptLoop) -> None:
    """``run`` returns when what a left task does at its end is done as well."""
    left: list[asyncio.Task[None]] = []
    ended = []

    async def lingers() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(SHORT)
            ended.append(True)

    async def work() -> None:
        left.append(asyncio.create_task(lingers()))
        await asyncio.sleep(0)

    loop.run(work)
    assert ended == [True]


def test_what_is_kept_outlives_the_call_and_goes_on_in_the_next(loop: KeptLoop) -> None:
    """With the task that its start began: a driver's reader. It answers in each call, in whatever thread that runs."""
    asked: list[asyncio.Queue[asyncio.Future[int]]] = []

    async def reader(questions: asyncio.Queue["asyncio.Future[int]"]) -> None:
        answer = 0
        while True:
            question = await questions.get()
            question.set_result(answer := answer + 1)

    async def start() -> asyncio.Task[None]:
        asked.append(asyncio.Queue())
        await asyncio.sleep(SHORT)
        return asyncio.create_task(reader(asked[0]))

    async def ask() -> int:
        question: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        await asked[0].put(question)
        return await question

    async def begin() -> None:
        loop.keep(start())
        await asyncio.sleep(0)  # the call ends before the start does

    loop.run(begin)
    assert loop.run(ask) == 1
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(loop.run(ask)))
    thread.start()
    thread.join()
    assert answers == [2]
    assert loop.run(ask) == 3


def test_what_is_started_later_in_a_kept_context_is_the_calls(loop: KeptLoop) -> None:
    """An answer that the kept reader hands on may start tasks: they end with the call that they belong to."""
    started: list[asyncio.Task[object]] = []

    async def reader(asked: asyncio.Event, answered: asyncio.Event) -> None:
        await asked.wait()
        started.append(asyncio.create_task(asyncio.Event().wait()))
        answered.set()
        await asyncio.Event().wait()

    async def start(asked: asyncio.Event, answered: asyncio.Event) -> asyncio.Task[None]:
        return asyncio.create_task(reader(asked, answered))

    async def work() -> asyncio.Task[None]:
        asked, answered = asyncio.Event(), asyncio.Event()
        kept = await loop.keep(start(asked, answered))
        asked.set()
        await answered.wait()
        return kept

    kept = loop.run(work)
    assert started[0].cancelled()
    assert not kept.done()


def test_the_calls_error_is_raised_and_nothing_of_it_stays(loop: KeptLoop) -> None:
    """What the coroutine raises, ``run`` raises, after what it left has ended."""
    left: list[asyncio.Task[object]] = []

    async def fail() -> None:
        left.append(asyncio.create_task(asyncio.Event().wait()))
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        loop.run(fail)
    assert left[0].cancelled()


def test_an_error_of_a_task_that_was_left_is_told(loop: KeptLoop, caplog: pytest.LogCaptureFixture) -> None:
    """It is nobody's result, so the log has it."""
    left: list[asyncio.Task[None]] = []

    async def breaks() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("at its end")

    async def work() -> None:
        left.append(asyncio.create_task(breaks()))
        await asyncio.sleep(0)

    loop.run(work)
    assert "at its end" in caplog.text


def test_the_end_of_the_loop_is_the_end_of_what_is_kept() -> None:
    """``close`` cancels it; twice is as good as once."""
    loop = KeptLoop()

    async def work() -> asyncio.Task[object]:
        return loop.keep(asyncio.sleep(3600))

    kept = loop.run(work)
    loop.close()
    assert kept.cancelled()
    loop.close()
