"""The ledger at scale: a million tasks in one lane, a thousand invocations in flight over 64 connections, for minutes.

A dispatcher counts the lane and asks for what is missing, two processes live the invocations (``scale_crawlers.py``),
and everything goes through the store's own calls on a real Postgres as it is configured, autovacuum included.
"""

import asyncio
import os
import sys
import time
import uuid
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.benchmarks.ledger_ours import FINGERPRINT, LANE, URL
from tests.benchmarks.postgres import server
from tests.benchmarks.scale_figures import Minute, decay, minutes, percentiles
from tests.benchmarks.scale_load import Load
from tests.benchmarks.table import table
from tools.shell import ToolError, say
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate

PROCESSES = 2
CONNECTIONS = 64
"""The dispatcher has one of them."""
IN_FLIGHT = 1000
PER_RUN = 100_000
"""Pages of one run: the lane holds as many runs as its tasks need."""
CORES = len(os.sched_getaffinity(0))
LEAST = 3000
MOST_DECAY = 0.20
TABLES = ("task", "page", "observation", "invocation", "alert", "run")
SIZES = """
    SELECT c.relname AS name, pg_total_relation_size(c.oid) AS total, pg_indexes_size(c.oid) AS indexes,
        s.autovacuum_count AS vacuums
    FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relnamespace = 'trapline'::regnamespace AND c.relname = ANY ($1) ORDER BY total DESC
"""
LOST = """
    SELECT (SELECT count(*) FROM trapline.task WHERE status = 'done')::int AS done,
        (SELECT count(*) FROM trapline.observation)::int AS observed,
        (SELECT count(*) FROM trapline.task WHERE status = 'leased')::int AS leased,
        (SELECT count(*) FROM trapline.invocation WHERE status NOT IN ('succeeded', 'terminated'))::int AS unfinished
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the load measured. ``lost`` is ``LOST``'s row; ``calls`` the percentiles of each call in ms, whole run."""

    tasks: int
    seconds: int
    minutes: list[Minute]
    calls: dict[str, tuple[float, float]]
    fill: float
    lost: dict[str, int]
    sizes: list[dict[str, int]]
    asked: int
    orphaned: int
    taken_away: list[str]
    most_in_flight: int
    settings: str


async def _prepare(database: Database, tasks: int) -> float:
    """Open the runs; return the seconds that took."""
    started = time.monotonic()
    await migrate(database)
    limits = LaneConfig(max_invocations=IN_FLIGHT, tasks_per_invocation=25)
    for number in range(0, tasks, PER_RUN):
        crawl = CrawlConfig(name=f"scale-{number}", lane=LANE, urls=(URL.format(number),))
        opening = await runs.begin(database, crawl, limits, fingerprint=FINGERPRINT, request=uuid.uuid4())
        urls = [URL.format(page) for page in range(number, min(number + PER_RUN, tasks))]
        await runs.fill(database, opening.run_id, crawl, urls)
    await database.connection.execute("VACUUM ANALYZE", timeout=600)
    return time.monotonic() - started


async def _start(dsn: str) -> list[Process]:
    command = [sys.executable, "-m", "tests.benchmarks.scale_crawlers", dsn, str((CONNECTIONS - 1) // PROCESSES)]
    limit = 2**30  # the one line of figures is long
    started = [
        await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=limit) for _ in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        if (await process.stdout.readline()).strip() != b"ready":
            raise ToolError("a process of crawlers did not start")
    return started


async def _play(dsn: str, data: Path, settings: str, *, tasks: int, seconds: float) -> Result:
    async with await Database.connect(dsn) as database:
        fill = await _prepare(database, tasks)
        say(f"scale: {tasks} tasks written in {fill:.0f} s; {settings}")
        crawlers = await _start(dsn)
        postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        load = Load(database=database, crawlers=crawlers, postmaster=postmaster)
        try:
            await load.work(seconds)
            figures = await load.stop()
        finally:
            for process in crawlers:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        done, milliseconds = _merged(figures)
        lost = await database.connection.fetchrow(LOST, timeout=600)
        assert lost is not None
        sizes = await database.connection.fetch(SIZES, list(TABLES))
    return Result(
        tasks=sum(done.values()),
        seconds=load.samples[-1].second - load.samples[0].second,
        minutes=minutes(done, milliseconds, load.samples, CORES),
        calls={
            name: percentiles([one for values in by_second.values() for one in values])
            for name, by_second in milliseconds.items()
        }
        | {"count": percentiles(load.counts)},
        fill=fill,
        lost=dict(lost),
        sizes=[dict(row) for row in sizes],
        asked=load.asked,
        orphaned=load.orphaned,
        taken_away=[one for figures_of in figures for one in _texts(figures_of["taken_away"])],
        most_in_flight=load.most_in_flight,
        settings=settings,
    )


def _texts(found: object) -> list[str]:
    assert isinstance(found, list)
    return [str(one) for one in found]


def _merged(figures: Sequence[Mapping[str, object]]) -> tuple[Counter[int], dict[str, dict[int, list[float]]]]:
    done: Counter[int] = Counter()
    milliseconds: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in figures:
        assert isinstance(one["done"], dict)
        assert isinstance(one["milliseconds"], dict)
        done.update({int(second): count for second, count in one["done"].items()})
        for name, by_second in one["milliseconds"].items():
            for second, values in by_second.items():
                milliseconds[name][int(second)].extend(values)
    return done, milliseconds


def measure(folder: Path, *, tasks: int, seconds: float) -> Result:
    """Put the load on a fresh database until ``tasks`` are done or ``seconds`` are over."""
    data = folder / "scale"
    with server(data) as postgres:
        return asyncio.run(_play(postgres.fresh("scale"), data, postgres.settings(), tasks=tasks, seconds=seconds))


def whole_minutes(result: Result) -> list[Minute]:
    """Return the minutes after the first, which warms up, and before the last, which stops; all of a shorter run."""
    return result.minutes[1:-1] if len(result.minutes) > 3 else result.minutes


def report(result: Result) -> str:
    """Return the tables: minute by minute, the calls, the tables, the verdict."""
    rows = [
        [
            str(number),
            f"{one.tasks_per_second:.0f}",
            f"{one.cost:.0f}",
            f"{one.clients:.0%}",
            f"{one.others:.0%}",
            *(f"{two[0]:.1f} / {two[1]:.1f}" for two in (one.lease, one.complete)),
            f"{one.dead_tasks}",
            f"{one.size / 2**20:.0f}",
            f"{one.wal / 2**20:.0f}",
        ]
        for number, one in enumerate(result.minutes)
    ]
    head = [
        "minute",
        "tasks/s",
        "CPU us/task",
        "clients' CPU",
        "others' CPU",
        "lease p50/p99 ms",
        "complete p50/p99 ms",
    ]
    whole = whole_minutes(result)
    speeds, costs = [one.tasks_per_second for one in whole], [one.cost for one in whole]
    verdict = [
        ["tasks done", f"{result.tasks} in {result.seconds} s", ""],
        ["most invocations in flight", f"{result.most_in_flight}", f"<= {IN_FLIGHT}"],
        ["invocations asked / orphaned", f"{result.asked} / {result.orphaned}", "any / 0"],
        ["invocations taken away", f"{len(result.taken_away)}", "0"],
        ["doubled or lost", f"{abs(result.lost['done'] - result.tasks) + result.lost['leased']}", "0"],
        ["tasks/s, median minute", f"{sorted(speeds)[len(speeds) // 2]:.0f}", f">= {LEAST}"],
        ["decay of tasks/s, first to last minute", f"{decay(speeds):.0%}", f"<= {MOST_DECAY:.0%}"],
        ["growth of CPU for a task, first to last minute", f"{-decay(costs):.0%}", f"<= {MOST_DECAY:.0%}"],
    ]
    calls = [[name, f"{two[0]:.1f}", f"{two[1]:.1f}"] for name, two in sorted(result.calls.items())]
    sizes = [
        [str(row["name"]), f"{row['total'] / 2**20:.0f}", f"{row['indexes'] / 2**20:.0f}", f"{row['vacuums']}"]
        for row in result.sizes
    ]
    return "\n".join(
        [
            table(
                f"Scale: one lane, {IN_FLIGHT} invocations in flight, {CONNECTIONS} connections",
                [*head, "dead tasks", "ledger MiB", "WAL MiB"],
                rows,
            ),
            table("Calls, whole run", ["call", "p50 ms", "p99 ms"], calls),
            table("Tables at the end", ["table", "MiB", "of that indexes", "autovacuums"], sizes),
            table("What must hold", ["figure", "measured", "asked"], verdict),
        ]
    )


def as_json(result: Result) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return asdict(result)
