"""procrastinate and pgqueuer doing what the ledger does: lease some tasks, complete each.

Runs under the peers' interpreter.

``queues.py NAME prepare DSN TASKS`` makes the schema and the tasks; ``queues.py NAME work DSN CLIENTS BATCH`` prints
``ready``, waits for a line on standard input, works until nothing is left and prints ``{"done", "seconds", "cpu"}``.
Both use the calls their own workers make, with tables that survive a crash.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import procrastinate
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.ports.repository import EntrypointExecutionParameter
from procrastinate.jobs import Status

URL = "http://127.0.0.1/docs/{}.html"
CHUNK = 5000
Client = Callable[[], Awaitable[int]]


async def prepare_procrastinate(dsn: str, tasks: int) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        task = app.task(name="visit")(print)
        for start in range(0, tasks, CHUNK):
            await task.batch_defer_async(*({"url": URL.format(n)} for n in range(start, min(tasks, start + CHUNK))))


async def work_procrastinate(dsn: str, clients: int, batch: int) -> tuple[list[Client], Any]:
    if batch != 1:
        raise SystemExit("procrastinate leases one task at a time")
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=clients, max_size=clients))
    await app.open_async()

    def make(worker: int) -> Client:
        async def run() -> int:
            done = 0
            while job := await app.job_manager.fetch_job(queues=None, worker_id=worker):
                await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
                done += 1
            return done

        return run

    return [make(await app.job_manager.register_worker()) for _ in range(clients)], app


async def prepare_pgqueuer(dsn: str, tasks: int) -> None:
    connection = await asyncpg.connect(dsn)
    queries = Queries.from_asyncpg_connection(connection)
    await queries.install()
    for start in range(0, tasks, CHUNK):
        numbers = range(start, min(tasks, start + CHUNK))
        await queries.enqueue(["visit"] * len(numbers), [URL.format(n).encode() for n in numbers], [0] * len(numbers))
    await connection.close()


async def work_pgqueuer(dsn: str, clients: int, batch: int) -> tuple[list[Client], Any]:
    connections = [await asyncpg.connect(dsn) for _ in range(clients)]

    def make(connection: Any) -> Client:
        queries = Queries.from_asyncpg_connection(connection)
        entrypoints = {"visit": EntrypointExecutionParameter(concurrency_limit=0)}
        manager = uuid.uuid4()

        async def run() -> int:
            done = 0
            while jobs := await queries.dequeue(batch, entrypoints, manager, None, timedelta(seconds=300)):
                for job in jobs:
                    await queries.log_jobs([(job, "successful", None)])
                done += len(jobs)
            return done

        return run

    return [make(connection) for connection in connections], connections


PREPARE = {"procrastinate": prepare_procrastinate, "pgqueuer": prepare_pgqueuer}
WORK = {"procrastinate": work_procrastinate, "pgqueuer": work_pgqueuer}


async def work(name: str, dsn: str, clients: int, batch: int) -> None:
    """Connect, say so, wait for the start, then work with all clients until nothing is left."""
    runners, _kept_open = await WORK[name](dsn, clients, batch)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    started, used = time.monotonic(), time.process_time()
    done = sum(await asyncio.gather(*(run() for run in runners)))
    seconds, cpu = time.monotonic() - started, time.process_time() - used
    print(json.dumps({"done": done, "seconds": seconds, "cpu": cpu}), flush=True)


def main(name: str, act: str, dsn: str, *numbers: str) -> None:
    if act == "prepare":
        asyncio.run(PREPARE[name](dsn, int(numbers[0])))
    else:
        asyncio.run(work(name, dsn, int(numbers[0]), int(numbers[1])))


main(*sys.argv[1:])
