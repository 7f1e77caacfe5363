"""In-memory adapters of the ports between services: what was sent, and answers a test has scripted."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from trapline_common.egress.fetch import Fetched, NoFileError

Answer = Exception | Callable[[], Awaitable[None]] | None
"""What an Invoke does: raises, does something first, or is accepted."""


class MemoryNudger:
    """The ``Nudger`` port: keeps what was sent. ``hold`` keeps every nudge on its way until it is set."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.hold: asyncio.Event | None = None

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        if self.hold is not None:
            await self.hold.wait()
        self.sent.append((service, message))

    def to(self, service: str) -> list[Mapping[str, Any]]:
        """Return the messages for one service."""
        return [message for name, message in self.sent if name == service]


class MemoryInvoker:
    """The ``Invoker`` port: accepts every event, unless ``answers`` holds what the next ones get."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.answers: deque[Answer] = deque()

    @property
    def ids(self) -> list[UUID]:
        """The invocations asked for, in order, as often as they were."""
        return [UUID(message["invocation_id"]) for message in self.asked]

    async def invoke(self, message: Mapping[str, Any]) -> None:
        self.asked.append(message)
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await answer()


class NoAlarm:
    """The ``Alarm`` port: ends no process; ``seconds`` is what it was set to last, ``None`` when it is not set."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def renew(self, seconds: float) -> None:
        self.seconds = seconds

    def stop(self) -> None:
        self.seconds = None


class NoRobots:
    """A ``Fetch`` for sites without a robots.txt."""

    async def __call__(self, url: str) -> Fetched:
        raise NoFileError(url, 404)
