"""Hundreds of crawler invocations in one process, for ``scale.py``: every call to the ledger is the crawler's own.

Reads lines from standard input: an invocation's id, as Lambda's event would bring it, or ``stop``. Says ``ready`` when
all its connections stand, and prints its figures as one JSON object at the end. A visit takes no time here: the
ledger is what it measures.
"""

import asyncio
import json
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

from tests.benchmarks.ledger_ours import DONE, observation
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, OwnerToken, RunId
from trapline_common.ledger import invocations, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held

SHARES = 4
"""Shares an invocation takes before its time is over and the dispatcher has to ask for another."""
BEAT_EVERY = 5.0
"""Seconds between two heartbeats, as in the crawler."""

STATE = "SELECT status::text, reason, created_at, pending_at, ended_at, now() FROM trapline.invocation WHERE id = $1"

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Crawlers:
    """The invocations of one process, their connections, and what they measured by second of the monotonic clock."""

    free: asyncio.Semaphore
    databases: list[Database]
    frozen: dict[RunId, FrozenRun] = field(default_factory=dict)
    done: Counter[int] = field(default_factory=Counter)
    milliseconds: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    ended: int = 0
    taken_away: list[str] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def connect(cls, dsn: str, connections: int) -> Self:
        databases = [await Database.connect(dsn, application="trapline-scale") for _ in range(connections)]
        return cls(free=asyncio.Semaphore(connections), databases=databases)

    async def close(self) -> None:
        for database in self.databases:
            await database.close()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Database]:
        """Take a connection when it is this invocation's turn: in order, for a queue would let newcomers pass."""
        async with self.free:
            database = self.databases.pop(0)
            try:
                yield database
            finally:
                self.databases.append(database)

    async def _timed(self, name: str, call: Callable[[Database], Awaitable[T]]) -> T:
        """Do one call on a connection of its own; the wait for a free connection is not the ledger's time."""
        async with self._turn() as database:
            started = time.monotonic()
            result = await call(database)
            ended = time.monotonic()
        by_second = self.milliseconds.setdefault(name, defaultdict(list))
        by_second[int(ended)].append((ended - started) * 1000)
        return result

    async def invocation(self, invocation_id: InvocationId) -> None:
        """Live one invocation: ready, shares, starts, completions, heartbeats, the end."""
        owner = OwnerToken(uuid.uuid4())
        held = await self._timed(
            "ready",
            lambda db: invocations.become_ready(
                db, invocation_id, owner=owner, request_id="scale", process_name="scale"
            ),
        )
        if held is None:
            async with self._turn() as database:
                row = await database.connection.fetchrow(STATE, invocation_id)
            self.taken_away.append(f"{invocation_id} before it was ready: {row}")
            return
        try:
            await self._live(held)
        except LeaseLostError as error:
            self.taken_away.append(str(error))

    async def _live(self, held: Held) -> None:
        if await self._work(held):
            await self._timed("succeed", lambda db: invocations.succeed(db, held))
        else:
            await self._timed("succeed", lambda db: invocations.terminate_ready(db, held, "nothing was left to lease"))
        self.ended += 1

    async def _work(self, held: Held) -> bool:
        beaten, taken = time.monotonic(), 0
        while taken < SHARES and not self.stopping.is_set():
            another, size = taken > 0, held.tasks_per_invocation
            lease = partial(tasks.lease_share, held=held, share=size, another=another)
            share = await self._timed("lease", lease)
            if not share:
                break
            taken += 1
            for task in share:
                if self.stopping.is_set():
                    await self._timed("hand back", lambda db: tasks.hand_back(db, held))
                    break
                if time.monotonic() - beaten > BEAT_EVERY:
                    beaten = time.monotonic()
                    await self._timed("heartbeat", lambda db: invocations.heartbeat(db, held))
                await self._visit(task)
        return taken > 0

    async def _visit(self, task: tasks.LeasedTask) -> None:
        if task.run_id not in self.frozen:
            async with self._turn() as database:
                self.frozen |= await runs.frozen(database, [task.run_id], pages=False)
        page, run, seen = task.page, self.frozen[task.run_id], observation(task.url)
        if page is None:
            raise SystemExit("the bench has no ordered tasks")
        await self._timed("start", lambda db: tasks.start(db, task.lease))
        await self._timed(
            "complete",
            lambda db: settle(db, task.lease, run=run, page=page, observation=seen, step=DONE, location=str),
        )
        self.done[int(time.monotonic())] += 1

    def figures(self) -> str:
        """Return what was measured: tasks done and milliseconds of every call, by second; how many invocations ended.

        ``taken_away``: why others could not go on; none should be.
        """
        milliseconds = {
            name: {second: [round(one, 2) for one in values] for second, values in by_second.items()}
            for name, by_second in self.milliseconds.items()
        }
        return json.dumps(
            {"done": self.done, "milliseconds": milliseconds, "ended": self.ended, "taken_away": self.taken_away}
        )


async def work(dsn: str, connections: int) -> None:
    """Live the invocations that standard input names until it says ``stop``."""
    crawlers = await Crawlers.connect(dsn, connections)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        while (line := (await lines.readline()).decode().strip()) not in {"stop", ""}:
            group.create_task(crawlers.invocation(InvocationId(uuid.UUID(line))))
        crawlers.stopping.set()
    await crawlers.close()
    print(crawlers.figures(), flush=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
