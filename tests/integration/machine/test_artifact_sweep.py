"""Retention deletes artifacts too, and none that an observation names or is about to name."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from support.ledger import complete, one_ready, open_run
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.ids import RunId
from trapline_common.ledger import artifacts, invocations, retention, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.artifact_sweep import UNSURE, sweep_artifacts

PAGE = "https://a.example/"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryArtifacts:
    return DirectoryArtifacts(tmp_path / "artifacts")


def kept(store: DirectoryArtifacts, key: str) -> bool:
    return Path(store.location(key)).exists()


async def run_with(database: Database, *, screenshot: str, html: str | None = None, text: str = "hello") -> RunId:
    """Crawl one page, whose visit left these artifacts."""
    run = await open_run(database, [PAGE], crawl=CrawlConfig(name="docs", urls=(PAGE,)))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=25, another=False)
    await complete(database, task, text=text, content_hash=f"hash of {text}")
    await database.connection.execute(
        "UPDATE trapline.observation SET screenshot = $1, html = $2 WHERE run_id = $3", screenshot, html, run
    )
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run)
    return run


async def retire(database: Database, *old: RunId) -> None:
    """Let retention delete these runs."""
    for run in old:
        await database.connection.execute(
            "UPDATE trapline.run SET ended_at = ended_at - interval '40 days' WHERE id = $1", run
        )
    await retention.retire(database, Retention(days=30), within=60, clock=time.monotonic)


async def test_what_no_run_names_any_more_is_deleted(database: Database, store: DirectoryArtifacts) -> None:
    """Screenshot and HTML go with the last observation that names them; what a kept run names stays at any age."""
    first, shared, html, newest = [
        await store.put(data, suffix=suffix)
        for data, suffix in ((b"1", ".png"), (b"2", ".png"), (b"<p>", ".html"), (b"3", ".png"))
    ]
    one = await run_with(database, screenshot=first, html=html)
    two = await run_with(database, screenshot=shared)
    await run_with(database, screenshot=shared, html=newest)
    for key in (first, shared, html, newest):
        os.utime(store.location(key), (0, 0))
    assert await sweep_artifacts(database, store) == 0
    await retire(database, one, two)
    assert await sweep_artifacts(database, store) == 3
    assert [kept(store, key) for key in (first, shared, html, newest)] == [False, True, False, True]
    assert await artifacts.unnamed(database, most=9) == []
    assert await sweep_artifacts(database, store) == 0


async def test_what_is_uploaded_before_its_commit_stays(database: Database, store: DirectoryArtifacts) -> None:
    """An invocation under way put a picture again that retention un-named, and commits it after the sweep."""
    key = await store.put(b"picture", suffix=".png")
    os.utime(store.location(key), (0, 0))
    old = await run_with(database, screenshot=key)
    await run_with(database, screenshot=await store.put(b"other", suffix=".png"))
    await retire(database, old)
    await open_run(database, [PAGE], crawl=CrawlConfig(name="news", urls=(PAGE,)))
    held = await one_ready(database)
    assert await store.put(b"picture", suffix=".png") == key
    assert await sweep_artifacts(database, store) == 0
    assert kept(store, key), "its observation is about to be written"
    (task,) = await tasks.lease_share(database, held, share=25, another=False)
    await complete(database, task)
    await database.connection.execute(
        "UPDATE trapline.observation SET screenshot = $1 WHERE task_id = $2", key, task.lease.task_id
    )
    assert await invocations.succeed(database, held)
    assert await sweep_artifacts(database, store) == 1
    assert kept(store, key)


async def test_a_dead_crawlers_upload_goes_when_its_invocation_has_ended(
    database: Database, store: DirectoryArtifacts
) -> None:
    """Nobody names what was put and never committed: it goes when no invocation is left that could."""
    key = await store.put(b"picture", suffix=".png")
    old = await run_with(database, screenshot=key)
    await run_with(database, screenshot=await store.put(b"other", suffix=".png"))
    await retire(database, old)
    await open_run(database, [PAGE], crawl=CrawlConfig(name="news", urls=(PAGE,)))
    held = await one_ready(database)
    await store.put(b"picture", suffix=".png")
    assert (await sweep_artifacts(database, store), kept(store, key)) == (0, True)
    await database.connection.execute(
        "UPDATE trapline.invocation SET status = 'failed', ended_at = now(), reason = 'x' WHERE id = $1",
        held.invocation_id,
    )
    assert (await sweep_artifacts(database, store), kept(store, key)) == (1, False)


async def test_a_file_that_looks_a_little_older_than_its_put_stays(
    database: Database, store: DirectoryArtifacts
) -> None:
    """A file has the time of the kernel's last tick, which may be before the invocation was counted that put it."""
    key = await store.put(b"picture", suffix=".png")
    old = await run_with(database, screenshot=key)
    await run_with(database, screenshot=await store.put(b"other", suffix=".png"))
    await retire(database, old)
    await open_run(database, [PAGE], crawl=CrawlConfig(name="news", urls=(PAGE,)))
    held = await one_ready(database)
    counted = await database.connection.fetchval(
        "SELECT extract(epoch FROM created_at)::float FROM trapline.invocation WHERE id = $1", held.invocation_id
    )
    os.utime(store.location(key), (counted - 1, counted - 1))
    assert (await sweep_artifacts(database, store), kept(store, key)) == (0, True)
    os.utime(store.location(key), (counted - UNSURE - 1, counted - UNSURE - 1))
    assert (await sweep_artifacts(database, store), kept(store, key)) == (1, False)


async def test_no_put_is_lost_beside_a_sweep(database: Database, store: DirectoryArtifacts) -> None:
    """A picture that is put while it is decided about is there afterwards: the put waits, and writes it anew."""
    key = await store.put(b"picture", suffix=".png")
    began = threading.Event()

    def put() -> None:
        began.set()
        asyncio.run(store.put(b"picture", suffix=".png"))

    thread = threading.Thread(target=put)
    with store.nobody_puts():
        thread.start()
        began.wait()
        thread.join(0.2)
        assert thread.is_alive(), "the put waits"
        assert store.remove(key, put_before=None)
        assert not kept(store, key)
    thread.join()
    assert kept(store, key)


def test_an_unchanged_picture_is_not_written_again(store: DirectoryArtifacts) -> None:
    """The same bytes keep their file; its time says that it was put again."""
    key = asyncio.run(store.put(b"picture", suffix=".png"))
    path = Path(store.location(key))
    number = path.stat().st_ino
    os.utime(path, (0, 0))
    assert asyncio.run(store.put(b"picture", suffix=".png")) == key
    assert (path.stat().st_ino, path.stat().st_mtime > 1_000_000_000) == (number, True)
