"""A failure is a reason and a detail: in an old ledger that is brought up to date, and beside the release before."""

from uuid import uuid4

import pytest

from support.ledger import complete, fail_page, failure, one_ready, open_run, urls, value
from support.postgres import fresh_database
from support.release_before import (
    CANCEL_TASKS,
    COMPLETE_VISIT,
    FAIL_OWN,
    KEEP_SESSION,
    PUT_OFF,
    READ_SESSION,
    REASONS,
    REFUSE_SESSION,
    RESCUE_ONE,
    RETRY,
    DatabaseOfReleaseBefore,
)
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Reason
from trapline_common.ledger import sessions, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate, migrations

THIS = 10
"""The migration that made two columns of one."""

WRITTEN = [
    ("timeout: not loaded within 30 s: gave up", "timeout", "not loaded within 30 s: gave up"),
    ("cancelled", "cancelled", None),
    ("2 of 3 pages failed", "pages", "2 of 3 pages failed"),
    ("its host's turn comes later", None, "its host's turn comes later"),
    (
        "https://a.example/robots.txt can't be read: HTTP 503",
        None,
        "https://a.example/robots.txt can't be read: HTTP 503",
    ),
    ("step: line one\nline two", "step", "line one\nline two"),
    (None, None, None),
]
"""What the release before wrote of a task, and what that is in two columns."""

OLD_LEDGER = """
    INSERT INTO trapline.lane VALUES ('default', 20, 25, 3, 0);
    INSERT INTO trapline.run (crawl, lane, config, fingerprint) VALUES ('docs', 'default', '{}', '');
    INSERT INTO trapline.invocation (lane, slot) SELECT 'default', n FROM generate_series(1, 3) n;
    UPDATE trapline.invocation SET status = 'failed', ended_at = now(),
        reason = (ARRAY['TransientError: S3: gone', 'never started', 'RetriesExhausted'])[slot];
    INSERT INTO trapline.session (crawl, problem) VALUES ('docs', 'step: line 3: no such field'), ('good', NULL);
"""


@pytest.mark.parametrize("old", [True, False])
async def test_an_old_ledger_is_converted(postgres: str, *, old: bool) -> None:
    """What the release before wrote is read in two columns, written before the migration or after it."""
    async with fresh_database(postgres, template="template0") as dsn, await Database.connect(dsn) as database:
        await migrate(database, [migration for migration in migrations() if migration.version < THIS])
        await database.connection.execute(OLD_LEDGER)
        if not old:
            await migrate(database)
        for number, (text, _, _) in enumerate(WRITTEN):
            await database.connection.execute(
                "INSERT INTO trapline.task (run_id, lane, url) VALUES (1, 'default', $1)", str(number)
            )
            await database.connection.execute(
                "UPDATE trapline.task SET status = 'failed', ended_at = now(), reason = $2 WHERE url = $1",
                str(number),
                text,
            )
        await migrate(database)
        found = await database.connection.fetch("SELECT reason, detail FROM trapline.task ORDER BY id")
        assert [tuple(row) for row in found] == [(reason, detail) for _, reason, detail in WRITTEN]
        ended = await database.connection.fetch("SELECT reason, detail FROM trapline.invocation ORDER BY slot")
        assert [tuple(row) for row in ended] == [
            ("TransientError", "S3: gone"),
            ("never started", None),
            ("RetriesExhausted", None),
        ]
        kept = await sessions.read(database, "docs")
        assert kept.failure == failure(Reason.STEP, "line 3: no such field")
        assert (await sessions.read(database, "good")).failure is None


async def test_a_call_prepared_before_the_migration_goes_on(postgres: str) -> None:
    """Expand first: a crawler of the release before, in the middle of its work, is not disturbed by the migration."""
    async with fresh_database(postgres, template="template0") as dsn, await Database.connect(dsn) as old:
        await migrate(old, [migration for migration in migrations() if migration.version < THIS])
        prepared = await old.connection.prepare(COMPLETE_VISIT)
        assert await prepared.fetchval(*[None] * 39) == "stale"
        await migrate(old)
        assert await prepared.fetchval(*[None] * 39) == "stale"


async def _why(database: Database) -> tuple[str | None, str | None]:
    row = await database.connection.fetchrow("SELECT reason, detail FROM trapline.task")
    assert row is not None
    return row["reason"], row["detail"]


async def test_the_release_before_gives_tasks_back(database: Database) -> None:
    """Its retry, its delay, its rescue and its cancel are split as they are written; no older detail stays behind."""
    run_id = await open_run(database, urls(1))
    held = await one_ready(database)
    writes = [
        (RETRY, ("timeout: 30 s", 0.0), ("timeout", "30 s")),
        (PUT_OFF, (0.0, "site.example wants to be left alone"), (None, "site.example wants to be left alone")),
        (RESCUE_ONE, ("browser: it died",), ("browser", "it died")),
    ]
    for sql, more, expected in writes:
        (task,) = await tasks.lease_share(database, held, share=1, another=False)
        fence = (task.lease.task_id, task.lease.seq, task.lease.invocation_id)
        assert await value(database, sql, *fence, *more) == task.lease.task_id
        assert await _why(database) == expected
    await database.connection.execute(CANCEL_TASKS, run_id)
    assert await _why(database) == ("cancelled", None)


async def test_the_release_before_completes_visits(dsn: str, database: Database) -> None:
    """Its failure is this release's, with the same alert, and a good visit of its leaves no detail on the task."""
    crawl = CrawlConfig.model_validate({"name": "docs", "urls": urls(2), "alert": {"after_failures": 1}})
    run_id = await open_run(database, urls(2), crawl=crawl)
    async with await DatabaseOfReleaseBefore.connect(dsn) as older:
        held = await one_ready(older)
        first, second = await tasks.lease_share(older, held, share=2, another=False)
        verdict = await fail_page(older, first)
        await tasks.retry(database, second.lease, failure=failure(Reason.DNS, "no such host"), delay=0)
        (second,) = await tasks.lease_share(older, held, share=1, another=False)
        await complete(older, second)
    assert len(verdict.alerts) == 1
    rows = await database.connection.fetch("SELECT status::text, reason, detail FROM trapline.task ORDER BY id")
    assert [tuple(row) for row in rows] == [("failed", "timeout", "it failed"), ("done", None, None)]
    rows = await database.connection.fetch(
        "SELECT reason, detail, accepted, text FROM trapline.observation ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [("timeout", "it failed", False, None), (None, None, True, "hello")]
    assert await value(database, "SELECT payload ->> 'detail' FROM trapline.alert") == "it failed"
    assert await value(database, "SELECT baseline_text FROM trapline.page WHERE url = $1", second.url) == "hello"
    row = await database.connection.fetchrow(REASONS, run_id)
    assert row is not None
    assert tuple(row) == ("timeout", 1, first.url)


async def test_the_release_before_fails_its_invocation(database: Database) -> None:
    """The class of its error is the reason, the rest the detail."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    assert await value(database, FAIL_OWN, held.invocation_id, held.owner, "RefusedError: no bucket: x") is not None
    row = await database.connection.fetchrow("SELECT reason, detail FROM trapline.invocation")
    assert row is not None
    assert tuple(row) == ("RefusedError", "no bucket: x")


async def test_a_refused_log_in_is_read_by_both_releases(database: Database) -> None:
    """Whichever of the two refuses a log-in, the other reads why, and a log-in that works clears it for both."""
    holder = uuid4()

    async def problem() -> str | None:
        row = await database.connection.fetchrow(READ_SESSION, "docs")
        assert row is not None
        text: str | None = row["problem"]
        return text

    async def claim(version: int) -> None:
        assert await sessions.claim(database, "docs", holder, version=version, seconds=60)

    await claim(0)
    await sessions.refuse(
        database, "docs", holder, version=0, binding="b", failure=failure(Reason.STEP, "line 1: gone"), screenshot=None
    )
    assert await problem() == "step: line 1: gone"
    await claim(1)
    await value(database, REFUSE_SESSION, "docs", holder, 1, "b", "logged_out: no menu", None)
    assert (await sessions.read(database, "docs")).failure == failure(Reason.LOGGED_OUT, "no menu")
    await claim(2)
    assert await sessions.keep(database, "docs", holder, version=2, binding="b", state=b"x") == 3
    assert await problem() is None
    await claim(3)
    await sessions.refuse(
        database, "docs", holder, version=3, binding="b", failure=failure(Reason.STEP), screenshot=None
    )
    assert await problem() == "step"
    await claim(4)
    assert await value(database, KEEP_SESSION, "docs", holder, 4, "b", b"x") == 5
    assert (await sessions.read(database, "docs")).failure is None
