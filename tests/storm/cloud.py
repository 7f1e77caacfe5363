"""The storm's Lambda: takes events, runs each in a process, retries, writes failure records; as the weather has it."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import psutil

from tests.storm.faults import Fault, FaultLog
from tests.storm.process import Job, SeedResources, run
from tests.storm.weather import COSTLY, Fate, Record, Weather
from tests.support.children import forked
from trapline_common.config.models import Config

AT_ONCE = {"crawler": 32, "dispatcher": 2, "notifier": 2}
"""Processes of each function at once: two dispatchers, and two notifiers; crawlers as many as are asked for."""
BY_SLICES = 4
"""Times as long as elsewhere a durable function visits: its lists are short, and have to take several calls."""
ACCEPTED = {"status": 202}


class Deliver(Protocol):
    """Has the crawler called with a message, in some way."""

    def __call__(self, message: dict[str, Any], *, delay: float, request_id: str) -> None:
        """``delay``: seconds until then; ``request_id``: Lambda's of this delivery."""


class Cloud:
    """``ended`` counts the deliveries of each function that ended well. ``mean``: seconds of a simulated visit."""

    def __init__(
        self, resources: SeedResources, weather: Weather, faults: FaultLog, *, config: Callable[[], Config], mean: float
    ) -> None:
        self._resources = resources
        self._weather = weather
        self._faults = faults
        self._config = config
        self._mean = mean
        self._processes = forked()
        self._gates = {role: asyncio.Semaphore(many) for role, many in AT_ONCE.items()}
        self._queued: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._live: dict[int, tuple[BaseProcess, Job]] = {}
        self._number = 0
        self.ended: Counter[str] = Counter()

    @property
    def idle(self) -> bool:
        """Whether no event waits and no process runs."""
        return not self._tasks

    @property
    def asleep(self) -> float:
        """Return how long, in seconds, a process stays stopped, and a connection half-open."""
        return self._resources.scale.asleep

    def queued(self, role: str) -> int:
        """Return how many events of the function wait or are worked on."""
        return self._queued[role]

    def crawlers(self) -> int:
        """Return how many crawler processes run."""
        return sum(job.role == "crawler" for _process, job in self._live.values())

    def submit(self, role: str, event: dict[str, Any], *, delay: float = 0.0, request_id: str | None = None) -> None:
        """Accept one asynchronous event."""
        self._queued[role] += 1
        task = asyncio.create_task(self._deliver(role, event, delay=delay, request_id=request_id or str(uuid4())))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._queued.subtract([role]))

    async def invoke(self, message: dict[str, Any], *, deliver: Deliver | None = None) -> dict[str, Any] | None:
        """Answer one Invoke of the crawler; ``None``: there is no answer. ``deliver``: what calls the function."""
        fate = self._weather.fate(durable=deliver is not None)
        deliver, scale, request = deliver or self._call_crawler, self._resources.scale, str(uuid4())
        if fate is not Fate.CALM:
            about = message["invocation_id"] if fate in {Fate.AGED, Fate.LATE} else None
            self._faults.add(
                Fault(kind=f"Invoke: {fate}", where="crawler", worth=int(fate in COSTLY), invocation=about)
            )
        match fate:
            case Fate.THROTTLED:
                return {"status": 429}
            case Fate.UNANSWERED:
                deliver(message, delay=0.0, request_id=request)
                return None
            case Fate.SLOW:
                deliver(message, delay=0.0, request_id=request)
                await asyncio.sleep(scale.answer * 3 / 4)
            case Fate.TWICE:
                for delay in (0.0, scale.tick / 2):
                    deliver(message, delay=delay, request_id=request)
            case Fate.AGED:
                self._record(message, request, "EventAgeExceeded", delay=scale.event_age)
            case Fate.LATE:
                deliver(message, delay=scale.late, request_id=request)
            case _:
                deliver(message, delay=0.0, request_id=request)
        return ACCEPTED

    def _call_crawler(self, message: dict[str, Any], *, delay: float, request_id: str) -> None:
        self.submit("crawler", message, delay=delay, request_id=request_id)

    def nudge(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take one nudge of another function; it may be lost."""
        if not self._weather.loses_nudge():
            self.submit(message["service"], message["message"])
        return ACCEPTED

    async def call(self, role: str, event: dict[str, Any]) -> dict[str, Any] | None:
        """Call a function and return its answer, as an execution does; ``None``: it ended in an error."""
        request_id = str(uuid4())
        reply = self._resources.folder / f"reply-{request_id}"
        async with self._gates[role]:
            status = await self._run(role, event, request_id, reply=reply)
        if status != 0:
            return None
        self.ended[role] += 1
        answer: dict[str, Any] = json.loads(reply.read_text())
        return answer

    async def _deliver(self, role: str, event: dict[str, Any], *, delay: float, request_id: str) -> None:
        await asyncio.sleep(delay)
        for pause in (*self._resources.scale.retries, None):
            async with self._gates[role]:
                status = await self._run(role, event, request_id)
            if status == 0:
                self.ended[role] += 1
                return
            if role == "crawler":
                self._record(event, request_id, "RetriesExhausted")
                return
            if pause is not None:
                await asyncio.sleep(pause)

    async def _run(self, role: str, event: dict[str, Any], request_id: str, *, reply: Path | None = None) -> int | None:
        self._number += 1
        by_slices = "execution" in event
        store_away = role == "crawler" and self._weather.store_away()
        if store_away:
            self._faults.add(Fault(kind="artifact store away", where=role))
        job = Job(
            role=role,
            event=event,
            request_id=request_id,
            resources=self._resources,
            config=self._config() if role == "dispatcher" else None,
            doom=self._weather.doom("slice" if by_slices else role),
            number=self._number,
            slow=self._weather.slow(),
            hours=1 if self._number % 2 else -1,
            mean=self._mean * (BY_SLICES if by_slices else 1),
            store_away=store_away,
            reply=reply,
        )
        process = self._processes.Process(target=run, args=(job,), daemon=True)
        process.start()
        self._live[process.pid or 0] = (process, job)
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(process.sentinel, ended.set)
        try:
            async with asyncio.timeout(self._resources.scale.function + self._resources.scale.asleep):
                await ended.wait()
        except TimeoutError:
            self._faults.add(Fault(kind="function timed out", where=role, worth=1))
            process.kill()
        finally:
            loop.remove_reader(process.sentinel)
            if not ended.is_set():
                process.kill()
            process.join(5)
            self._live.pop(process.pid or 0, None)
        return process.exitcode

    def _record(self, event: dict[str, Any], request_id: str, condition: str, *, delay: float = 0.2) -> None:
        """Let a failure record reach the dispatcher: soon, twice, or late."""
        body = {
            "version": "1.0",
            "requestContext": {"requestId": request_id, "condition": condition, "approximateInvokeCount": 1},
            "requestPayload": event,
        }
        fate = self._weather.record()
        record = {"Records": [{"body": json.dumps(body)}]}
        if fate is Record.LATE:
            delay += self._resources.scale.late
        for _ in range(2 if fate is Record.TWICE else 1):
            self.submit("dispatcher", record, delay=delay)

    async def wake_sleepers(self) -> None:
        """Send SIGCONT to each process that has been stopped long enough. Runs until cancelled."""
        asleep: dict[int, float] = {}
        while True:
            for pid in list(self._live):
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    if psutil.Process(pid).status() != psutil.STATUS_STOPPED:
                        asleep.pop(pid, None)
                    elif time.monotonic() - asleep.setdefault(pid, time.monotonic()) > self._resources.scale.asleep:
                        os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End every process, stopped ones too."""
        for task in self._tasks:
            task.cancel()
        for process, _job in self._live.values():
            process.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)
