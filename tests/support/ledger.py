"""Shorthands that set the stage in a real ledger: a lane, an open run, invocations at a given step of their life."""

import uuid
from collections.abc import Sequence
from typing import Any

from trapline_common.alerts.page_state import Verdict
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.ids import InvocationId, LaneName, OwnerToken, RunId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import invocations, lanes, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held

LANE = LaneName("default")
FINGERPRINT = "fp"


def location(key: str) -> str:
    """Where an artifact is, for tests that look at none."""
    return f"artifacts/{key}"


def urls(count: int) -> list[str]:
    """Return ``count`` URLs of one host."""
    return [f"https://site.example/{number}" for number in range(count)]


async def open_run(
    database: Database,
    pages: Sequence[str],
    *,
    lane: LaneConfig | None = None,
    crawl: CrawlConfig | None = None,
) -> RunId:
    """Open a run of ``pages`` by hand, with all its tasks."""
    crawl = crawl or CrawlConfig(name="docs", urls=tuple(pages))
    opening = await runs.begin(database, crawl, lane or LaneConfig(), fingerprint=FINGERPRINT, request=uuid.uuid4())
    assert await runs.fill(database, opening.run_id, crawl, pages) is not None
    return opening.run_id


async def make_ready(database: Database, invocation_id: InvocationId, *, request_id: str = "request") -> Held:
    """Let the invocation's process start."""
    held = await invocations.become_ready(
        database, invocation_id, owner=OwnerToken(uuid.uuid4()), request_id=request_id, process_name="test"
    )
    assert held is not None
    return held


async def one_ready(database: Database, lane: LaneName = LANE) -> Held:
    """Plan the lane and start the first invocation it was missing."""
    planned = await lanes.plan(database, lane)
    return await make_ready(database, planned.created[0])


async def all_ready(database: Database, lane: LaneName = LANE) -> list[Held]:
    """Plan the lane and start every invocation it was missing."""
    return [await make_ready(database, invocation) for invocation in (await lanes.plan(database, lane)).created]


async def frozen(database: Database, run_id: RunId) -> FrozenRun:
    """Return the run's frozen config."""
    return (await runs.frozen(database, [run_id]))[run_id]


async def complete(
    database: Database,
    task: tasks.LeasedTask,
    *,
    text: str = "hello",
    content_hash: str = "hash",
    observation: Observation | None = None,
) -> Verdict:
    """Write a good visit as the task's result, the way the crawler does."""
    assert task.page is not None
    run = await frozen(database, task.run_id)
    found = observation or Observation(url=task.url, status=200, text=text, content_hash=content_hash)
    status = TaskStatus.DONE if found.failure is None else TaskStatus.FAILED
    return await settle(
        database,
        task.lease,
        run=run,
        page=task.page,
        observation=found,
        step=tasks.NextStep(status=status, failure=found.failure),
        location=location,
    )


async def make_old(database: Database, table: str, column: str, seconds: float) -> None:
    """Put a time of every row of ``table`` further into the past: the database's clock is the only one there is."""
    sql = f"UPDATE trapline.{table} SET {column} = {column} - make_interval(secs => $1)"
    await database.connection.execute(sql, seconds)


async def status_of(database: Database, held: Held) -> str:
    """Return the invocation's status."""
    return str(await value(database, "SELECT status::text FROM trapline.invocation WHERE id = $1", held.invocation_id))


def failure(reason: Reason = Reason.TIMEOUT, detail: str = "") -> Failure:
    """Return a failure that no retry can help."""
    return Failure(reason=reason, detail=detail, retry=False)


async def fail_page(database: Database, task: tasks.LeasedTask, reason: Reason = Reason.TIMEOUT) -> Verdict:
    """Write a failed visit as the task's result, the way the crawler does when its retries are used up."""
    found = Observation(url=task.url, failure=failure(reason, "it failed"))
    return await complete(database, task, observation=found)


async def value(database: Database, sql: str, *args: object) -> Any:
    """Return one value by SQL of the test's own."""
    return await database.connection.fetchval(sql, *args)
