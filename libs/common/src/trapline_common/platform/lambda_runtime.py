"""Lambda's context and deadline, and the bridge from a function's synchronous handler to asynchronous code."""

import asyncio
import importlib
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds on a clock that never goes back; only differences mean anything."""


AWS_CLIENTS = ("boto3", "trapline_common.aws.calls")
"""Modules that a function's first call of AWS would load."""


def load_at_init(*modules: str, environ: Mapping[str, str] = os.environ) -> None:
    """On Lambda load ``modules`` now, while the environment starts: with a whole processor, and before an event waits.

    Elsewhere nothing is loaded: on one machine no process calls AWS, and each would spend a quarter of a second on it.
    """
    if environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        for module in modules:
            importlib.import_module(module)


class LambdaContext(Protocol):
    """The part of Lambda's context object that Trapline reads."""

    @property
    def aws_request_id(self) -> str:
        """The id of this delivery of the event; a retry by the platform repeats it."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform kills the function."""
        ...


def run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run one coroutine to its end on an event loop of its own, and return its result or raise its error.

    A frozen Lambda environment must hold no loop, task or thread of the last invocation, so the loop, what still
    runs on it and its thread pool are gone when this returns. ``make`` is called on the new loop's thread. Raises
    ``RuntimeError`` when a loop already runs in this thread: call the ``async`` twin of the handler there.
    """
    return asyncio.run(make())


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The moment by which work must have ended, on a clock that was passed in."""

    at: float
    """The moment, in seconds of ``clock``."""
    clock: Clock
    """The clock that it is on."""

    @classmethod
    def after(cls, seconds: float, *, clock: Clock = time.monotonic) -> Self:
        """Return the deadline ``seconds`` from now."""
        return cls(at=clock() + seconds, clock=clock)

    @classmethod
    def of(cls, context: LambdaContext, *, reserve: float = 0.0, clock: Clock = time.monotonic) -> Self:
        """Return the platform's deadline less ``reserve`` seconds: read from the context, never a constant."""
        return cls.after(context.get_remaining_time_in_millis() / 1000 - reserve, clock=clock)

    @property
    def left(self) -> float:
        """Seconds left; 0 once the deadline has passed."""
        return max(0.0, self.at - self.clock())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0

    def earlier(self, seconds: float) -> Self:
        """Return the deadline ``seconds`` before this one: keeps a reserve for what must still be done at the end."""
        return type(self)(at=self.at - seconds, clock=self.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalContext:
    """Lambda's context on one machine, where the same handlers run."""

    aws_request_id: str
    """The id of this delivery of the event; the one-machine runtime makes it."""
    deadline: Deadline
    """When the handler must have returned; the one-machine runtime sets it."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the deadline that the one-machine runtime gave this call."""
        return int(self.deadline.left * 1000)
