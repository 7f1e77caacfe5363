"""The event loop of a function's environment, which lives as long: for the browser's driver, that calls hand on.

A call has everything else to itself, as on a loop of its own (``lambda_runtime.run``): the environment is frozen after
it, and a task, a timer or a thread that it left would go on in the middle of another.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Start:
    """The start of something that is kept, while it goes on."""

    is_over: bool = False
    """Whether it has ended: what is started in its context after that belongs to a call."""


_START: ContextVar[_Start | None] = ContextVar("start", default=None)


class KeptLoop:
    """Runs one call after the other on one loop; at most one at a time, each in any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept: set[asyncio.Task[Any]] = set()

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run one coroutine to its end, and return its result or raise its error.

        What it left on the loop has ended when this returns, its thread pool too; what ``keep`` started has not.
        ``make`` is called in this thread. Raises ``RuntimeError`` when a loop already runs in it.
        """
        loop = self._loop = self._loop or self._new()
        threads = ThreadPoolExecutor(thread_name_prefix="call")
        loop.set_default_executor(threads)
        try:
            return loop.run_until_complete(make())
        finally:
            try:
                loop.run_until_complete(self._end_the_rest())
            finally:
                threads.shutdown()

    def keep(self, start: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start, in a call, what outlives it: ``start``, and every task that it starts before its end."""
        this, context = _Start(), copy_context()
        context.run(_START.set, this)
        task = context.run(asyncio.create_task, start)
        task.add_done_callback(lambda _: setattr(this, "is_over", True))
        return task

    def close(self) -> None:
        """End what is kept, and the loop."""
        if self._loop is not None:
            self._kept.clear()
            self._loop.run_until_complete(self._end_the_rest())
            self._loop.close()
            self._loop = None

    def _new(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.set_task_factory(self._new_task)
        return loop

    def _new_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **options: Any,
    ) -> asyncio.Task[T]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        start = _START.get()
        if start is not None and not start.is_over:
            self._kept.add(task)
            task.add_done_callback(self._kept.discard)
        return task

    async def _end_the_rest(self) -> None:
        left = asyncio.all_tasks() - self._kept - {asyncio.current_task()}
        for task in left:
            task.cancel()
        for task, result in zip(left, await asyncio.gather(*left, return_exceptions=True), strict=True):
            if isinstance(result, Exception):
                what = {"message": "a task that a call left raised", "exception": result, "task": task}
                asyncio.get_running_loop().call_exception_handler(what)
