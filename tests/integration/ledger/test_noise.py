"""What a page's row remembers between runs, and that a crawler of the release before works on beside it."""

import pytest

from support.ledger import complete, one_ready, open_run, urls, value
from support.postgres import fresh_database
from support.release_before import COMPLETE_VISIT_BEFORE_NOISE, DatabaseBeforeNoise
from trapline_common.config.models import CrawlConfig
from trapline_common.ledger import invocations, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate, migrations
from trapline_common.ledger.views.pages import find_pages, last_change

URL = urls(1)[0]
THIS = 7
"""The migration that made ``complete_visit`` take more."""


async def _sees(database: Database, text: str, **settings: object) -> bool:
    """Run a crawl whose page shows ``text``, to its end; return whether that was a change."""
    crawl = CrawlConfig.model_validate({"name": "docs", "urls": [URL], **settings})
    run_id = await open_run(database, [URL], crawl=crawl)
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    verdict = await complete(database, task, text=text, content_hash=f"hash of {text}")
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run_id)
    assert len(verdict.alerts) == verdict.changed
    return verdict.changed


async def _alerts(database: Database) -> int:
    return int(await value(database, "SELECT count(*) FROM trapline.alert WHERE kind = 'change'"))


async def test_a_flip_is_remembered_over_runs(database: Database) -> None:
    """Six runs of a page that goes to and fro write one alert, and leave what was seen last as the baseline."""
    found = [await _sees(database, text, remember=2) for text in ("A", "B", "A", "B", "A", "A")]
    assert found == [False, True, False, False, False, False]
    assert await _alerts(database) == 1
    assert await value(database, "SELECT baseline_text FROM trapline.page") == "A"
    assert await value(database, "SELECT earlier_hashes FROM trapline.page") == ["hash of B"]


async def test_a_candidate_is_remembered_over_runs(database: Database) -> None:
    """The run that sees new content for the third time in a row writes the alert; the baseline stands until then."""
    found = []
    for text in ("A", "B", "A", "B", "B", "B", "B"):
        found.append(await _sees(database, text, confirm_after=3))
        expected = "B" if any(found) else "A"
        assert await value(database, "SELECT baseline_text FROM trapline.page") == expected
    assert found == [False, False, False, False, False, True, False]
    assert await value(database, "SELECT candidate_seen FROM trapline.page") == 0


async def test_a_drift_is_measured_from_where_it_began(database: Database) -> None:
    """Three steps of one line each: the one that makes it three lines from the baseline is reported, with all three."""
    texts = ["\n".join(f"line {n}" for n in range(lines)) for lines in (5, 6, 7, 8)]
    assert [await _sees(database, text, min_change="3 lines") for text in texts] == [False, False, False, True]
    diff = await value(database, "SELECT payload ->> 'diff' FROM trapline.alert WHERE kind = 'change'")
    assert "+line 5\n+line 6\n+line 7" in diff


@pytest.mark.parametrize(
    ("settings", "texts", "old"),
    [
        ({"confirm_after": 2}, ["A", "B", "B"], "A"),
        ({"confirm_after": 2}, ["A", "X", "B", "B", "X"], "A"),
        ({"remember": 2}, ["A", "B", "A", "C", "A"], "A"),
        ({"min_change": "4"}, ["A", "AB", "ABC", "ABCDE"], "A"),
    ],
)
async def test_a_diff_is_with_the_accepted_version(
    database: Database, settings: dict[str, object], texts: list[str], old: str
) -> None:
    """`trapline diff` compares a change with the baseline of its alert, not with what was held back between."""
    changed = [text for text in texts if await _sees(database, text, **settings)]
    (page,) = await find_pages(database, URL)
    change = await last_change(database, page.id)
    assert change is not None
    assert (change.old_text, change.new_text) == (old, changed[-1])


async def test_a_statement_prepared_before_the_migration_goes_on(postgres: str) -> None:
    """Expand first: a crawler of the release before, in the middle of its work, is not disturbed by the migration."""
    async with fresh_database(postgres, template="template0") as dsn, await Database.connect(dsn) as old:
        await migrate(old, [migration for migration in migrations() if migration.version < THIS])
        prepared = await old.connection.prepare(COMPLETE_VISIT_BEFORE_NOISE)
        assert await prepared.fetchval(*[None] * 36) == "stale"
        await migrate(old)
        assert await prepared.fetchval(*[None] * 36) == "stale"


async def test_a_crawler_of_the_release_before_forgets_nothing(database: Database, dsn: str) -> None:
    """Its results are written, beside this release's, and leave what the row remembers as it is."""
    assert [await _sees(database, text, remember=2, confirm_after=2) for text in ("A", "B", "B", "C")][2]
    async with await DatabaseBeforeNoise.connect(dsn) as older:
        assert await _sees(older, "D")
    row = await database.connection.fetchrow(
        "SELECT baseline_text, candidate_hash, candidate_seen, earlier_hashes FROM trapline.page"
    )
    assert row is not None
    assert tuple(row) == ("D", "hash of C", 1, ["hash of A"])
