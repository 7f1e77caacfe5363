"""Trapline's own ledger under the same harness as ``peers/queues.py``, through the calls the crawler makes.

A client is an invocation: it wins ``-> ready``, leases shares of ``batch`` tasks, and writes each result by itself:
observation, page row, baseline and task, with the fence, in one transaction per task. ``trapline+start`` also marks
each task ``started_at`` before its visit, as the crawler does.
"""

import asyncio
import json
import sys
import time
import uuid
from collections import deque

from trapline_common.config.frozen_run import FrozenRun
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.content.text import content_hash
from trapline_common.domain.ids import LaneName, OwnerToken, RunId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Observation, Timings
from trapline_common.ledger import invocations, lanes, runs, tasks
from trapline_common.ledger.completion import settle_and_lease
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate

LANE = LaneName("bench")
CLIENTS = 8
FINGERPRINT = "bench"
URL = "http://127.0.0.1/docs/{}.html"
TEXT = "What the page shows, about as long as the first screen of a manual's page. " * 8
DONE = tasks.NextStep(status=TaskStatus.DONE)


async def prepare(dsn: str, count: int) -> None:
    """Migrate, open a run of ``count`` tasks and plan the invocations that the clients will be."""
    async with await Database.connect(dsn) as database:
        await migrate(database)
        crawl = CrawlConfig(name="bench", lane=LANE, urls=tuple(URL.format(number) for number in range(count)))
        limits = LaneConfig(max_invocations=CLIENTS, tasks_per_invocation=25)
        opening = await runs.begin(database, crawl, limits, fingerprint=FINGERPRINT, request=uuid.uuid4())
        await runs.fill(database, opening.run_id, crawl, crawl.urls)
        await lanes.plan(database, LANE)


async def take(database: Database) -> invocations.Held:
    """Become one of the planned invocations that no other client is."""
    for candidate in await invocations.unasked(database):
        if await invocations.claim_asking(database, candidate) is not None:
            owner = OwnerToken(uuid.uuid4())
            held = await invocations.become_ready(
                database, candidate, owner=owner, request_id="bench", process_name="bench"
            )
            if held is not None:
                return held
    raise SystemExit("more clients than planned invocations")


def observation(url: str) -> Observation:
    """Return a good visit of ordinary size."""
    fields = {"price": "$34.50", "name": "Camp kettle"}
    timings = Timings(dns=0.1, connect=0.2, ttfb=3.0, dom=20.0, load=35.0, total=190.0)
    found = content_hash(TEXT, fields)
    return Observation(
        url=url,
        final_url=url,
        status=200,
        timings=timings,
        size=9000,
        title="A page",
        text=TEXT,
        fields=fields,
        content_hash=found,
    )


async def run(database: Database, held: invocations.Held, batch: int, *, start: bool) -> int:
    """Lease and complete until nothing is left; returns how many tasks.

    The last result of a share leases the next one with it, as the crawler's does.
    """
    done, frozen = 0, dict[RunId, FrozenRun]()
    waiting = deque(await tasks.lease_share(database, held, share=batch, another=False))
    while waiting:
        while waiting:
            task = waiting.popleft()
            if task.run_id not in frozen:
                frozen |= await runs.frozen(database, [task.run_id], pages=False)
            if start:
                await tasks.start(database, task.lease)
            if task.page is None:
                raise SystemExit("the bench has no ordered tasks")
            seen = observation(task.url)
            next_share = None if waiting else tasks.NextShare(held=held, size=batch)
            _, leased = await settle_and_lease(
                database,
                task.lease,
                run=frozen[task.run_id],
                page=task.page,
                observation=seen,
                step=DONE,
                location=str,
                next_share=next_share,
            )
            waiting.extend(leased)
            done += 1
        waiting.extend(await tasks.lease_share(database, held, share=batch, another=True))
    return done


async def work(dsn: str, clients: int, batch: int, *, start: bool) -> None:
    """Connect, say so, wait for the start, then work with all clients until nothing is left."""
    databases = [await Database.connect(dsn) for _ in range(clients)]
    held = [await take(database) for database in databases]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    started, used = time.monotonic(), time.process_time()
    pairs = zip(databases, held, strict=True)
    done = await asyncio.gather(*(run(database, one, batch, start=start) for database, one in pairs))
    seconds, cpu = time.monotonic() - started, time.process_time() - used
    print(json.dumps({"done": sum(done), "seconds": seconds, "cpu": cpu}), flush=True)
    for database in databases:
        await database.close()


def main(name: str, act: str, dsn: str, *numbers: str) -> None:
    """Do ``act`` as ``name``."""
    if act == "prepare":
        asyncio.run(prepare(dsn, int(numbers[0])))
    else:
        asyncio.run(work(dsn, int(numbers[0]), int(numbers[1]), start=name == "trapline+start"))


if __name__ == "__main__":
    main(*sys.argv[1:])
