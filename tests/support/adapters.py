"""In-memory adapters of the ports between services: what was sent, and answers a test has scripted."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from trapline_common.domain.messages import Asleep, WaveItem
from trapline_common.domain.run_ended import RunEnded
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender

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


class MemoryTick:
    """The ``TickSchedule`` port: ``asleep`` is what the hourly look has, ``None`` while the tick comes each minute.

    ``before`` and ``after``: done by the next switch, by its name, before or after it has its effect.
    """

    def __init__(self) -> None:
        self.asleep: Asleep | None = None
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        self.after: dict[str, Callable[[], Awaitable[None]]] = {}

    async def every_minute(self) -> None:
        await self._switch("every_minute", None)

    async def every_hour(self, asleep: Asleep) -> None:
        await self._switch("every_hour", asleep)

    async def _switch(self, name: str, asleep: Asleep | None) -> None:
        self.calls.append(name)
        if name in self.before:
            await self.before.pop(name)()
        self.asleep = asleep
        if name in self.after:
            await self.after.pop(name)()


class MemoryWaves:
    """The ``Waves`` port as AWS keeps it: an object is never written over, and a name is started once.

    ``answers`` holds the errors of the next calls; ``taken``: a call that raises has started its execution all the
    same.
    """

    def __init__(self) -> None:
        self.objects: dict[UUID, Sequence[WaveItem]] = {}
        self.started: list[UUID] = []
        self.calls: list[UUID] = []
        self.answers: deque[BaseException | None] = deque()
        self.taken = False

    @property
    def ids(self) -> list[UUID]:
        """The invocations of every execution that was started, in order."""
        return [item.invocation_id for wave in self.started for item in self.objects[wave]]

    async def start(self, wave: UUID, items: Sequence[WaveItem]) -> None:
        self.calls.append(wave)
        answer = self.answers.popleft() if self.answers else None
        if answer is None or self.taken:
            self.objects.setdefault(wave, items)
            if wave not in self.started:
                self.started.append(wave)
        if answer is not None:
            raise answer


class MemoryWaiters:
    """The ``Waiters`` port: keeps what each token was told; ``answers`` holds the errors of the next calls.

    ``thrice`` is set with each heartbeat from the third on.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any], str | None]] = []
        self.beats: list[str] = []
        self.thrice = asyncio.Event()
        self.answers: deque[Exception | None] = deque()

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        failed = self.answers.popleft() if self.answers else None
        if failed is not None:
            raise failed
        self.told.append((token, output, error))

    async def heartbeat(self, token: str) -> None:
        failed = self.answers.popleft() if self.answers else None
        if failed is not None:
            raise failed
        self.beats.append(token)
        if len(self.beats) >= 3:
            self.thrice.set()


class MemoryAnnouncer:
    """The ``Announcer`` port: keeps the runs whose end was told; ``answers`` holds the errors of the next calls."""

    def __init__(self) -> None:
        self.told: list[RunEnded] = []
        self.answers: deque[Exception | None] = deque()

    async def run_ended(self, ended: Sequence[RunEnded]) -> None:
        failed = self.answers.popleft() if self.answers else None
        if failed is not None:
            raise failed
        self.told.extend(ended)


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

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        raise NoFileError(url, 404)
