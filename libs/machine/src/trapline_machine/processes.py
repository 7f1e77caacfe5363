"""The crawler's invocations on one machine: each a process of its own, so that killing one is real."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import Process
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from trapline_common.domain.errors import TransientError
from trapline_common.domain.messages import Crawl, parse_crawl
from trapline_machine.process_identity import process_name_of
from trapline_machine.process_registry import Registry
from trapline_machine.process_start import EarlyCrawler, hand_over, start

LOST_FOR = 60.0
"""Seconds a process whose invocation has ended in the ledger gets to notice, before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedProcess:
    """A process that is gone."""

    message: Crawl
    """The event that it worked on."""
    request_id: str
    """The id of that delivery; empty when it never started."""
    status: int | None
    """Its exit status as ``subprocess`` has it: negative for a signal; ``None`` when it never started."""
    log: Path
    """The file with its standard error."""
    why: str = "the command stopped before it started"
    """Why it never started; says nothing of one that did."""


@dataclass(slots=True, kw_only=True)
class _Child:
    """A process that runs."""

    message: Crawl
    """The event that it works on."""
    request_id: str
    """The id of this delivery."""
    log: Path
    """The file with its standard error."""
    process: Process
    """The process itself, the leader of a group of its own."""
    watch: "asyncio.Task[None] | None" = None
    """Waits for its end."""
    lost_at: float | None = None
    """When its invocation was seen to have ended in the ledger, on the invoker's clock."""


@dataclass(slots=True, kw_only=True)
class ProcessInvoker:
    """An ``Invoker``. Events accepted beyond the bound wait in a queue, as on Lambda."""

    most: int
    """Processes at once."""
    strict: bool
    """Whether the bound holds always. Else a lane none of whose processes runs gets one all the same: a slow lane must
    not keep the others waiting for an hour."""
    seconds: float
    """How long a process works at most."""
    logs: Path
    """The folder of the processes' logs."""
    registry: Registry
    """Where it is noted which process has an invocation."""
    environ: Mapping[str, str]
    """The environment of every process."""
    on_end: Callable[[EndedProcess], None]
    """Called once for every process, after the last process of its group is gone."""
    early: EarlyCrawler = field(default_factory=EarlyCrawler)
    """The process that the first invocation gets, where the command has started it already."""
    clock: Callable[[], float] = time.monotonic
    """Seconds on a clock that never goes back."""
    _waiting: deque[Crawl] = field(default_factory=deque)
    """Accepted events whose process has not started."""
    _children: dict[UUID, _Child] = field(default_factory=dict)
    """Running processes, by invocation."""
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Starts take turns: one that is under way is no child yet, and would not be counted."""
    _closing: bool = False
    """Whether the command stops: no further process starts."""

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Accept the event: start its process, or queue it. Raises ``TransientError`` when the command is stopping.

        A process that can't be started is reported as one that ended.
        """
        crawl = parse_crawl(message)
        if self._closing:
            raise TransientError("the command is stopping")
        if crawl.invocation_id in self._children:
            return  # asked again: the process is about to become ready by itself
        try:
            self.registry.note(crawl.invocation_id, process_name=process_name_of(os.getpid()), request_id="")
        except OSError as error:  # not to be asked again for ever: a person hears of what never starts
            self._never_started(crawl, error)
            return
        self._waiting.append(crawl)
        await self._start_waiting()

    @property
    def stopping(self) -> bool:
        """Return whether the command stops, so that what ends now ended with it."""
        return self._closing

    @property
    def invocations(self) -> list[UUID]:
        """Return the invocations that have a process."""
        return list(self._children)

    async def disown(self, ended: Collection[UUID]) -> None:
        """Take no more notice of processes whose invocation was orphaned, or has just ended: others may start.

        One that hangs, and so does not learn of it, is killed after ``LOST_FOR`` seconds.
        """
        now = self.clock()
        for invocation_id in ended:
            child = self._children.get(invocation_id)
            if child is None:
                continue
            if child.lost_at is None:
                child.lost_at = now
            elif now - child.lost_at > LOST_FOR:
                _kill_group(child.process.pid)
        await self._start_waiting()

    async def stop(self, *, within: float) -> bool:
        """Ask every process to stop in order; start no other. Return whether all were gone ``within`` seconds."""
        self._close()
        for child in self._children.values():
            with suppress(ProcessLookupError):
                child.process.terminate()
        return await self.wait(within=within)

    async def kill(self) -> None:
        """End every process at once, with its whole group, and wait for that."""
        self._close()
        for child in self._children.values():
            _kill_group(child.process.pid)
        await self.wait(within=None)

    async def wait(self, *, within: float | None) -> bool:
        """Wait until no process is left; return whether that came true ``within`` seconds."""
        watches = [child.watch for child in self._children.values() if child.watch is not None]
        if watches:
            await asyncio.wait(watches, timeout=within)
        return not self._children

    def _close(self) -> None:
        self._closing = True
        while self._waiting:
            crawl = self._waiting.popleft()
            self.on_end(EndedProcess(message=crawl, request_id="", status=None, log=self._log(crawl)))

    async def _start_waiting(self) -> None:
        async with self._starting:
            while not self._closing and (crawl := self._next()) is not None:
                self._waiting.remove(crawl)
                try:
                    await self._start(crawl)
                except OSError as error:  # no room for its log, no memory, no process left to this user
                    self._never_started(crawl, error)

    def _never_started(self, crawl: Crawl, error: OSError) -> None:
        why = f"it can't be started: {error}"
        self.on_end(EndedProcess(message=crawl, request_id="", status=None, log=self._log(crawl), why=why))

    def _next(self) -> Crawl | None:
        """Return what may start now, of the lane with the fewest processes first."""
        per_lane = Counter(child.message.lane for child in self._children.values() if child.lost_at is None)
        found = min(self._waiting, key=lambda crawl: per_lane[crawl.lane], default=None)
        if found is None or per_lane.total() < self.most:
            return found
        return found if not self.strict and not per_lane[found.lane] else None

    def _log(self, crawl: Crawl) -> Path:
        return self.logs / f"{crawl.invocation_id}.log"

    async def _start(self, crawl: Crawl) -> None:
        request_id, log = str(uuid4()), self._log(crawl)
        self.logs.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stderr:
            process = self.early.taken() or await start(self.environ, stderr=stderr)
        child = _Child(message=crawl, request_id=request_id, log=log, process=process)
        self._children[crawl.invocation_id] = child
        child.watch = asyncio.create_task(self._watch(child), name=f"watch {process.pid}")
        try:
            name = process_name_of(process.pid)
            self.registry.note(crawl.invocation_id, process_name=name, request_id=request_id)
        except psutil.NoSuchProcess:
            return  # it has ended already: its watch reports that
        except OSError:  # no command would know of it after the end of this one: its watch reports that it was killed
            _kill_group(process.pid)
            return
        job = {
            "event": crawl.event(),
            "request_id": request_id,
            "seconds": self.seconds,
            "log": str(log),
            "environ": {**self.environ, "TRAPLINE_PROCESS_NAME": name},
        }
        hand_over(process, job)

    async def _watch(self, child: _Child) -> None:
        status = await child.process.wait()
        _kill_group(child.process.pid)
        if child.process.stdin is not None:
            child.process.stdin.close()
        del self._children[child.message.invocation_id]
        self.on_end(EndedProcess(message=child.message, request_id=child.request_id, status=status, log=child.log))
        await self._start_waiting()


def _kill_group(group: int) -> None:
    """SIGKILL the processes that are left of a group."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(group, signal.SIGKILL)
