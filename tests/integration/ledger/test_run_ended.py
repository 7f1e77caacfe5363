"""The log line that says a run ended: once, by the service that ended it, and as the dead man's switch looks for it."""

import asyncio
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.ledger import complete, one_ready, open_run, urls
from support.logs import logged
from support.races import Connect
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.connection import Database

ALARMS = Path(__file__).parents[3] / "terraform/modules/alarms/main.tf"
LIFE = re.compile(r'_filter" "life" \{.*?pattern = join\("", \["\{ ", join\(" \|\| ", \[(.*?)\]\)', re.DOTALL)
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONDITION = re.compile(r'\$\.(\w+) = "([^"]*)"')


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """This process's log."""
    with logged("crawler") as stream:
        yield stream


def ended(log: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines about ended runs."""
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "run_ended"]


def filter_finds(line: dict[str, Any]) -> bool:
    """Apply the metric filter as CloudWatch does: of one part of its pattern every field is there and equal."""
    listed = LIFE.search(ALARMS.read_text(encoding="utf-8"))
    assert listed is not None
    parts = [CONDITION.findall(part.replace('\\"', '"')) for part in QUOTED.findall(listed[1])]
    assert sum(map(len, parts)) == listed[1].count("$.") == 4
    return any(all(line.get(name) == value for name, value in part) for part in parts)


async def test_of_many_that_try_the_one_that_ends_a_run_says_so(
    database: Database, connect: Connect, log: io.StringIO
) -> None:
    """Four at once see the last task's end; one line has crawl, run, outcome and counts, and the filter counts it."""
    run_id = await open_run(database, urls(2), lane=LaneConfig(tasks_per_invocation=2))
    for task in await tasks.lease_share(database, await one_ready(database), share=2, another=False):
        await complete(database, task)
    await asyncio.gather(*[runs.end_if_done(await connect(), run_id) for _ in range(4)])
    (line,) = ended(log)
    assert {key: line[key] for key in ("crawl", "run_id", "outcome", "done", "failed", "changes", "level")} == {
        "crawl": "docs",
        "run_id": run_id,
        "outcome": "completed",
        "done": 2,
        "failed": 0,
        "changes": 0,
        "level": "info",
    }
    assert filter_finds(line)


async def test_a_run_that_did_not_complete_is_no_sign_of_life(database: Database, log: io.StringIO) -> None:
    """Skipped, cancelled and refused runs say that they ended too, and the dead man's switch does not count them."""
    crawl = CrawlConfig(name="docs", urls=tuple(urls(1)))
    open_one = await open_run(database, urls(1), crawl=crawl)
    skipped = await runs.begin(database, crawl, None, fingerprint="f")
    assert await runs.cancel(database, open_one) == 1
    refused = await runs.begin(database, crawl, None, fingerprint="f")
    await runs.refuse(database, refused.run_id, "the sitemap is HTML")
    assert [(line["run_id"], line["outcome"]) for line in ended(log)] == [
        (skipped.run_id, "skipped"),
        (open_one, "cancelled"),
        (refused.run_id, "refused"),
    ]
    assert not any(filter_finds(line) for line in ended(log))
