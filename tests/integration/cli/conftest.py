"""The real command in a subprocess, and a ledger that has seen something of everything."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.command import Done
from support.ledger import complete, one_ready, open_run
from trapline_common.config.models import CrawlConfig
from trapline_common.content.text import content_hash
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Failure, Observation, Reason, Timings
from trapline_common.ledger import invocations, runs, tasks
from trapline_common.ledger.connection import Database

HOSTILE = "\x1b[31mred\x1b[0m [bold]markup[/bold] \u202egnp\x07"
URLS = ("https://shop.example/list", "https://shop.example/lamp", "https://shop.example/broken")
FIRST, SECOND = "Lamp\n40 Euro\nin stock", "Lamp\n35 Euro\nin stock"


Trapline = Callable[..., Awaitable[Done]]


def environment(**more: str) -> dict[str, str]:
    """Return an environment without what this machine's user may have set."""
    mine = {
        key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "TRAPLINE_DATA_DIR", "COLUMNS"}
    }
    return {**mine, "TZ": "America/Chicago", **more}


async def execute(*args: str, cwd: Path, env: dict[str, str], stdin: str = "") -> Done:
    """Run ``python -m trapline`` to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "trapline",
        *args,
        cwd=cwd,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    assert process.returncode is not None
    return Done(code=process.returncode, out=out.decode(), err=err.decode())


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def login(dsn: str) -> str:
    """Where the command logs in: as the database's owner, as on one machine."""
    return dsn


@pytest.fixture
def trapline(login: str, tmp_path: Path) -> Trapline:
    """Run the command on this test's database."""

    async def call(*args: str, stdin: str = "") -> Done:
        return await execute(*args, cwd=tmp_path, env=environment(DATABASE_URL=login), stdin=stdin)

    return call


def seen(url: str, text: str, **fields: str) -> Observation:
    """Return a good visit."""
    return Observation(
        url=url,
        final_url=url,
        status=200,
        title=f"Shop {HOSTILE}",
        text=text,
        fields=fields,
        content_hash=content_hash(text, fields),
        size=2048,
        timings=Timings(total=150.0),
    )


def broken(url: str) -> Observation:
    """Return a visit that failed with a hostile page's own words."""
    return Observation(
        url=url, status=500, failure=Failure(reason=Reason.HTTP_STATUS, detail=f"500 {HOSTILE}", retry=True)
    )


async def crawled(database: Database, crawl: CrawlConfig, visits: list[Observation]) -> RunId:
    """Run a crawl whose visits find ``visits``, to its end."""
    run_id = await open_run(database, [visit.url for visit in visits], crawl=crawl)
    held = await one_ready(database)
    found = {visit.url: visit for visit in visits}
    for task in await tasks.lease_share(database, held, share=100, another=False):
        await tasks.start(database, task.lease)
        await complete(database, task, observation=found[task.url])
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run_id)
    return run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two ended runs of ``shop`` (the second with a change and the same failure again), and an open one of ``docs``."""

    first: RunId
    second: RunId
    open: RunId


@pytest.fixture
async def stage(database: Database) -> Stage:
    """Set the stage."""
    shop = CrawlConfig(name="shop", urls=URLS, extract={"price": ".price"})
    first = await crawled(database, shop, [seen(URLS[0], "list"), seen(URLS[1], FIRST, price="40"), broken(URLS[2])])
    second = await crawled(database, shop, [seen(URLS[0], "list"), seen(URLS[1], SECOND, price="35"), broken(URLS[2])])
    pages = [f"https://docs.example/{number}" for number in range(4)]
    opened = await open_run(database, pages, crawl=CrawlConfig(name="docs", urls=tuple(pages)))
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=2, another=False)
    await tasks.start(database, leased[0].lease)
    await complete(database, leased[0])
    return Stage(first=first, second=second, open=opened)
