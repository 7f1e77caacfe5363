"""Races over a page's row: baselines are replaced in the order of the runs, not in that of the results."""

import asyncio

import pytest

from support.ledger import FINGERPRINT, complete, fail_page, frozen, location, one_ready, open_run, urls, value
from support.races import Connect
from trapline_common.config.fingerprint import READER_VERSION, as_read
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import completion, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.tasks import LeasedTask

URLS = urls(1)
ONE = LaneConfig(tasks_per_invocation=1)


async def _two_runs(database: Database) -> tuple[LeasedTask, LeasedTask]:
    """An older and a newer run of one page, opened past the overlap check, both leased."""
    leased = []
    for _ in range(2):
        await open_run(database, URLS, lane=ONE)
        await database.connection.execute("UPDATE trapline.run SET crawl = 'hidden'")
        leased += await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    return leased[0], leased[1]


async def _baseline(database: Database) -> tuple[str, int]:
    row = await database.connection.fetchrow("SELECT baseline_text, baseline_run FROM trapline.page")
    assert row is not None
    return row["baseline_text"], row["baseline_run"]


async def test_an_older_run_never_replaces_a_newer_baseline(database: Database) -> None:
    """Race: runs of one crawl overlap. The older one's late result is kept as an observation, and writes no alert."""
    older, newer = await _two_runs(database)
    await complete(database, newer, text="new", content_hash="new")
    verdict = await complete(database, older, text="old", content_hash="old")
    assert (verdict.alerts, verdict.changed) == ((), False)
    assert await _baseline(database) == ("new", newer.run_id)
    assert await value(database, "SELECT count(*) FROM trapline.observation") == 2


async def test_in_order_the_newer_replaces_the_older(database: Database) -> None:
    """The usual order: the second run's different text is a change against the first's."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="old", content_hash="old")
    verdict = await complete(database, newer, text="new", content_hash="new")
    assert verdict.changed
    assert await _baseline(database) == ("new", newer.run_id)


async def test_results_of_one_page_at_once_end_as_if_one_came_after_the_other(
    database: Database, connect: Connect
) -> None:
    """Race: two runs complete the page together. The page row moved under one verdict, which is reached again."""
    for _ in range(5):
        await database.connection.execute("TRUNCATE trapline.page, trapline.observation, trapline.alert CASCADE")
        older, newer = await _two_runs(database)
        await asyncio.gather(
            complete(await connect(), older, text="old", content_hash="old"),
            complete(await connect(), newer, text="new", content_hash="new"),
        )
        assert await _baseline(database) == ("new", newer.run_id)
        assert await value(database, "SELECT version FROM trapline.page") == 2


async def test_a_verdict_on_a_page_that_moved_is_reached_again(database: Database) -> None:
    """A state read before another completion is refused as ``moved``, with nothing written; then judged anew."""
    older, newer = await _two_runs(database)
    assert newer.page is not None
    await complete(database, older, text="same", content_hash="same")
    verdict = await settle(
        database,
        newer.lease,
        run=await frozen(database, newer.run_id),
        page=newer.page,
        observation=Observation(url=newer.url, text="same", content_hash="same"),
        step=tasks.NextStep(status=TaskStatus.DONE),
        location=location,
    )
    assert not verdict.changed
    assert await value(database, "SELECT version FROM trapline.page") == 2
    assert await value(database, "SELECT count(*) FROM trapline.observation") == 2


async def test_a_changed_watch_resets_the_baseline_silently(database: Database) -> None:
    """Race: the config changes between runs. Under another fingerprint the new text is the baseline, and no change."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="old", content_hash="old")
    await database.connection.execute("UPDATE trapline.run SET fingerprint = 'other' WHERE id = $1", newer.run_id)
    verdict = await complete(database, newer, text="new", content_hash="new")
    assert (verdict.alerts, verdict.changed) == ((), False)
    assert await _baseline(database) == ("new", newer.run_id)


async def test_a_release_that_reads_in_another_way_resets_baselines_silently(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A raised version of the reader: the first good visit is the baseline and no change; the one after is compared."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="as version 1 reads it", content_hash="one")
    monkeypatch.setattr(completion, "READER_VERSION", READER_VERSION + 1)
    verdict = await complete(database, newer, text="as version 2 reads it", content_hash="two")
    assert (verdict.alerts, verdict.changed) == ((), False)
    assert await _baseline(database) == ("as version 2 reads it", newer.run_id)
    third, _ = await _two_runs(database)
    assert (await complete(database, third, text="something else", content_hash="three")).changed


async def test_two_releases_that_read_a_page_in_turn_tell_of_no_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Race: crawlers of both releases work on one run, whichever opened it. The one that reads says how it was read."""
    for run, reader in enumerate((1, 2, 1, 2)):
        monkeypatch.setattr(completion, "READER_VERSION", reader)
        task, _ = await _two_runs(database)
        verdict = await complete(database, task, text=f"as {reader} reads it", content_hash=f"hash of {reader}")
        assert not verdict.changed, f"run {run}, reader {reader}"


async def test_a_release_that_reads_in_the_same_way_resets_nothing(database: Database) -> None:
    """The same version of the reader: another text is a change, against the baseline of the release before."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="old", content_hash="old")
    assert await value(database, "SELECT fingerprint FROM trapline.page") == as_read(FINGERPRINT, reader=READER_VERSION)
    assert (await complete(database, newer, text="new", content_hash="new")).changed


async def test_a_failed_visit_is_never_the_baseline(database: Database) -> None:
    """What a failed page showed is kept as an observation; the page's baseline stays."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="good", content_hash="good")
    await fail_page(database, newer)
    assert await _baseline(database) == ("good", older.run_id)
    assert await value(database, "SELECT failures FROM trapline.page") == 1


async def test_alerts_commit_with_their_cause_or_not_at_all(database: Database) -> None:
    """A completion that the fence refuses leaves no alert behind, though its verdict had one."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="old", content_hash="old")
    await tasks.hand_back_one(database, newer.lease)
    result = await asyncio.gather(complete(database, newer, text="new", content_hash="new"), return_exceptions=True)
    assert isinstance(result[0], Exception)
    assert await value(database, "SELECT count(*) FROM trapline.alert") == 0


async def test_text_is_kept_once_per_content(database: Database) -> None:
    """An observation equal to the baseline carries the hash, not the text again."""
    older, newer = await _two_runs(database)
    await complete(database, older, text="same", content_hash="same")
    await complete(database, newer, text="same", content_hash="same")
    rows = await database.connection.fetch("SELECT text, content_hash FROM trapline.observation ORDER BY id")
    assert [tuple(row) for row in rows] == [("same", "same"), (None, "same")]


async def test_hostile_texts_are_stored_as_they_can_be(database: Database) -> None:
    """NUL, lone surrogates and numbers that are none, from a hostile page, never keep a result from being written."""
    bad = "a\x00b\ud800c\\u0000"
    await open_run(database, URLS, crawl=CrawlConfig(name="docs", urls=tuple(URLS)))
    (task,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    failure = Failure(reason=Reason.NAVIGATION, detail=bad, retry=False)
    found = Observation(
        url=task.url,
        final_url=bad,
        title=bad,
        text=bad,
        fields={"price": bad},
        failure=failure,
    )
    await complete(database, task, observation=found)
    row = await database.connection.fetchrow(
        "SELECT title, fields ->> 'price' AS price, detail FROM trapline.observation"
    )
    assert row is not None
    assert set(row.values()) == {"a\ufffdb\ufffdc\\u0000"}
