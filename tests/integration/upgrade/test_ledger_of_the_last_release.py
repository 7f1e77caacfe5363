"""A ledger that the last release made goes on under this one: migrated, crawled and read, with no change reported."""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from support.command import OWN_SITES, Trapline
from support.last_release import environment
from support.postgres import fresh_database
from support.schema_dump import dump
from support.upgrade_site import UpgradeSite
from trapline_common.config.fingerprint import READER_VERSION
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate, migrations

OLD = 9
"""The newest migration of the last release."""
BASELINES = (
    "SELECT crawl, url, baseline_hash, baseline_text, baseline_fields, baseline_at FROM trapline.page ORDER BY 1, 2"
)
FAILED, CHANGED, LEFT_OPEN = 3, 8, 11
"""Runs of the last release: a page failed; a page failed again and one changed; its command was killed."""
CHANGES = "SELECT count(*) FROM trapline.alert WHERE kind = 'change'"
CRAWLS = ["left", "news", "path", "prices", "reading"]


async def rows(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    """Return rows by SQL of the test's own."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def crawl(command: Trapline, site: UpgradeSite, _dsn: str) -> list[dict[str, Any]]:
    """Crawl the same pages with today's command, and return its runs. It exits with 1, for one page is broken."""
    done = await asyncio.to_thread(command.crawl, command.config(site.config()), timeout=240)
    assert done.code == 1, done.err
    return list(done.json["runs"])


async def crawl_as_before(command: Trapline, site: UpgradeSite, dsn: str, *, code: Path) -> list[dict[str, Any]]:
    """Crawl them with the last release's command."""
    before = Trapline(folder=command.folder, environ={**environment(code), **OWN_SITES, "DATABASE_URL": dsn})
    return await crawl(before, site, dsn)


async def test_its_schema_becomes_todays(restored: str, postgres: str) -> None:
    """The migrations that it lacks bring it to exactly what a new database has, in one go and only once."""
    async with await Database.connect(restored) as database:
        assert await migrate(database) == [migration for migration in migrations() if migration.version > OLD]
        assert await migrate(database) == []
    async with fresh_database(postgres, template="template0") as new:
        async with await Database.connect(new) as database:
            await migrate(database)
        assert await dump(restored) == await dump(new)


async def _everything_can_be_read(command: Trapline, site: UpgradeSite, dsn: str) -> None:
    """Every command that reads shows what the last release wrote as it shows its own."""

    async def read(*arguments: str) -> str:
        done = await asyncio.to_thread(command.run, *arguments)
        assert done.code == 0, (arguments, done.err)
        return done.out

    status = await read("status", "--json")
    assert all(name in status for name in CRAWLS)
    newest_first = [run for (run,) in await rows(dsn, "SELECT id FROM trapline.run ORDER BY id DESC")]
    assert [run["id"] for run in json.loads(await read("runs", "--limit", "100", "--json"))["runs"]] == newest_first
    failed = await read("show", str(FAILED), "--json")
    for text in (failed, await read("export", str(FAILED)), await read("tasks", "--failed", "--json")):
        assert f"{site.url}/broken.html" in text
        assert "http_status" in text
        assert "status 500" in text
    assert f"{site.url}/news.html" in await read("show", str(CHANGED), "--json")
    assert "The pass is closed." in await read("diff", f"{site.url}/news.html")
    await read("show", str(LEFT_OPEN))
    await read("invocations", "--json")


async def test_the_same_pages_are_crawled_without_a_word_and_again_after_a_rollback(
    command: Trapline, site: UpgradeSite, restored: str, last_release: Path
) -> None:
    """No change is reported and no baseline reset: by today's code, then by the last release's on the migrated ledger.

    The run that a killed command left open is finished, and everything that either release wrote can be read.
    """
    before = await rows(restored, BASELINES)
    for run_it in (crawl, partial(crawl_as_before, code=last_release)):
        found = await run_it(command, site, restored)
        assert sorted(run["crawl"] for run in found) == CRAWLS
        assert [run["changes"] for run in found] == [0] * len(found)
        failures = [failure["url"] for run in found for failure in run["failures"]]
        assert failures == [f"{site.url}/broken.html"]
        assert await rows(restored, "SELECT crawl FROM trapline.run WHERE status <> 'ended'") == []
        assert await rows(restored, "SELECT id FROM trapline.task WHERE status NOT IN ('done', 'failed')") == []
        assert await rows(restored, CHANGES) == [(1,)], "the one that was there"
        if READER_VERSION == 1:
            assert await rows(restored, BASELINES) == before, "pages are read in another way: raise READER_VERSION"
    assert await rows(restored, "SELECT max(version) FROM trapline.migration") == [(migrations()[-1].version,)]
    await _everything_can_be_read(command, site, restored)
