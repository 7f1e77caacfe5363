"""Ended runs in the archive: whole, once each, and what ``trapline export`` prints."""

import gzip
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.dispatcher_stage import Stage
from support.ledger import complete, one_ready, open_run, urls
from trapline.render.export_rows import NdjsonRows
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import TransientError
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Observation
from trapline_common.ledger import run_archive, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.observations import observations
from trapline_common.local.archive import DirectoryArchive


async def _ended(database: Database, pages: int = 3, crawl: str = "docs") -> RunId:
    config = CrawlConfig(name=crawl, urls=tuple(urls(pages)))
    run_id = await open_run(database, urls(pages), crawl=config, lane=LaneConfig(tasks_per_invocation=1000))
    for task in await tasks.lease_share(database, await one_ready(database), share=1000, another=False):
        found = Observation(url=task.url, title="ü", text=f"text of {task.url}\n", content_hash=task.url)
        await complete(database, task, observation=found)
    assert await runs.end_if_done(database, run_id)
    return run_id


async def _exported(database: Database, run_id: RunId) -> str:
    out = io.StringIO()
    rows = NdjsonRows(out, text=True, ascii_only=False)
    async for observation in observations(database, run_id):
        rows.write(observation)
    return out.getvalue()


async def _key(stage: Stage, run_id: RunId) -> str:
    ((crawl, day),) = await stage.rows(
        "SELECT crawl, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM trapline.run WHERE id = $1", run_id
    )
    return f"{crawl}/{day}/{run_id}.ndjson.gz"


class Counting(DirectoryArchive):
    """Counts, and fails, or dies half-way, when ``error`` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.written: list[str] = []
        self.error: BaseException | None = None

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        self.written.append(key)

        async def cut() -> AsyncIterator[bytes]:
            async for part in parts:
                yield part[: len(part) // 2]
                if self.error is not None:
                    raise self.error
                yield part[len(part) // 2 :]

        await super().write(key, cut())


@pytest.fixture
def store(stage: Stage, tmp_path: Path) -> Counting:
    """Give the dispatcher an archive in a folder."""
    stage.archive = Counting(tmp_path / "runs")
    return stage.archive


async def test_an_ended_run_is_archived_once_as_it_would_be_exported(
    stage: Stage, store: Counting, tmp_path: Path
) -> None:
    """The tick writes each ended run under crawl, day and run, with the lines of the export; the next writes none."""
    # more than are read at once
    first, second = await _ended(stage.database, 450), await _ended(stage.database, crawl="other")
    assert (await stage.reap()).archived == 2
    assert (await stage.reap()).archived == 0
    assert store.written == [await _key(stage, first), await _key(stage, second)]
    for run_id in (first, second):
        data = (tmp_path / "runs" / await _key(stage, run_id)).read_bytes()
        assert gzip.decompress(data).decode() == await _exported(stage.database, run_id)


async def test_what_is_open_or_never_opened_is_not_archived(stage: Stage, store: Counting) -> None:
    """An open run may still grow; a skipped one has nothing to tell."""
    await stage.tick()
    await stage.tick(at="2026-03-01T09:00:00Z")
    assert await stage.runs() == [("docs", "open", None), ("docs", "ended", "skipped")]
    assert (await stage.reap()).archived == 0
    assert store.written == []


async def test_one_killed_half_way_is_repeated_whole(stage: Stage, store: Counting, tmp_path: Path) -> None:
    """No reader sees the half; no reap repeats it while it may go on; then the same key gets the whole."""
    run_id = await _ended(stage.database)
    store.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        await stage.reap()
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []
    store.error = None
    assert (await stage.reap()).archived == 0
    await stage.rows(
        "UPDATE trapline.run SET archiving_at = now() - make_interval(secs => $1)", run_archive.AGAIN_AFTER + 1
    )
    assert (await stage.reap()).archived == 1
    assert store.written == [await _key(stage, run_id)] * 2
    data = (tmp_path / "runs" / await _key(stage, run_id)).read_bytes()
    assert gzip.decompress(data).decode() == await _exported(stage.database, run_id)


async def test_an_archive_that_is_away_stops_nothing_and_is_reported(stage: Stage, store: Counting) -> None:
    """The tick does all else, tries every run, and ends with the error, so that the platform's alarm goes off."""
    await _ended(stage.database)
    await _ended(stage.database, crawl="other")
    store.error = TransientError("no such bucket")
    with pytest.raises(TransientError, match="no such bucket"):
        await stage.reap()
    assert len(store.written) == 2


async def test_without_an_archive_nothing_is_claimed(stage: Stage) -> None:
    """A deployment without one leaves the runs as they are, and archives them all when it gets one."""
    await _ended(stage.database)
    await stage.reap()
    assert await stage.rows("SELECT archiving_at, archived_at FROM trapline.run") == [(None, None)]
