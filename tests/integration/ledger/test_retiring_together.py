"""Retention beside all that may happen at the same time: no kept observation loses its text, no run is halved."""

import asyncio
import random
import uuid

import pytest

from support.ledger import FINGERPRINT, complete, fail_page, one_ready, open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig, Overlap
from trapline_common.content.text import content_hash
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError, MessageRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Observation
from trapline_common.ledger import invocations, retention, run_archive, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.views import observations as observation_views
from trapline_common.ledger.views.invocations import list_invocations
from trapline_common.ledger.views.observations import observations
from trapline_common.ledger.views.pages import find_pages, last_change
from trapline_common.ledger.views.run_detail import run_detail
from trapline_common.ledger.views.runs import RunRow, find_run, list_runs
from trapline_common.ledger.views.tasks import list_tasks

KEEP = Retention(days=30)
RETIRE = "SELECT * FROM trapline.retire(30, false, $1)"
OPEN = "SELECT id FROM trapline.run WHERE status = 'ended' ORDER BY id"


async def visit(database: Database, texts: dict[str, str | None], *, age: float, name: str = "docs") -> RunId:
    """Run the crawl to its end, ``age`` days ago: each page shows its text, or fails where that is ``None``."""
    pages = list(texts)
    config = CrawlConfig(name=name, urls=tuple(pages), overlap=Overlap.QUEUE)
    run = await open_run(database, pages, crawl=config, lane=LaneConfig(tasks_per_invocation=1000))
    held = await one_ready(database)
    while share := await tasks.lease_share(database, held, share=1000, another=False):
        for task in share:
            text = texts[task.url]
            if text is None:
                await fail_page(database, task)
                continue
            found = Observation(url=task.url, status=200, text=text, content_hash=content_hash(text, {}))
            await complete(database, task, observation=found)
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run)
    await database.connection.execute(
        "UPDATE trapline.run SET ended_at = ended_at - make_interval(secs => $2) WHERE id = $1", run, age * 86_400
    )
    await database.connection.execute("UPDATE trapline.alert SET status = 'muted' WHERE status = 'due'")
    return run


async def read(database: Database) -> dict[int, dict[int, str | None]]:
    """Return by run, of every run that there is, the text of each observation as an export has it."""
    found = {}
    for row in await database.connection.fetch(OPEN):
        try:
            found[row["id"]] = {one.id: one.text async for one in observations(database, row["id"])}
        except InputRefusedError:
            continue  # deleted while it was read, and the reader was told
    return found


async def history(database: Database, seed: int) -> dict[int, dict[int, str | None]]:
    """Make the random history of two crawls, and return what a reader sees of it."""
    rng = random.Random(seed)
    for number in range(10):
        pages = [page for page in urls(12) if rng.random() < 0.8]
        texts = {page: rng.choice(["A", "A", "A", "B", "C", None]) for page in pages}
        await visit(database, texts, age=99 - number if rng.random() < 0.6 else 5, name=rng.choice(["docs", "news"]))
    return await read(database)


@pytest.mark.parametrize(("seed", "reaps"), [(1, 2), (2, 2), (3, 3), (4, 3)])
async def test_reaps_at_once_leave_every_kept_text_as_it_was(
    database: Database, connect: Connect, seed: int, reaps: int
) -> None:
    """Two and three retire at once, over a random history: what is kept reads as before, each run is whole or gone."""
    before = await history(database, seed)
    others = [await connect() for _ in range(reaps)]
    clock = asyncio.get_running_loop().time

    async def again_and_again(other: Database) -> None:
        for _ in range(8):
            await retention.retire(other, KEEP, within=5, clock=clock, batch=5)

    retiring = asyncio.gather(*(again_and_again(other) for other in others))
    while not retiring.done():
        for run, texts in (await read(database)).items():
            assert texts == before[run]
    await retiring
    assert (await retention.retire(database, KEEP, within=60, clock=clock)).left is False
    after = await read(database)
    assert after == {run: before[run] for run in after}
    assert len(after) < len(before)
    assert await value(database, "SELECT count(*) FROM trapline.retired_run") == 0


async def test_a_second_reap_beside_one_that_hands_a_text_on_deletes_nothing(
    database: Database, connect: Connect
) -> None:
    """While one has handed a text to the next run and not committed, another finds nothing to do and does not wait."""
    runs_ = [await visit(database, dict.fromkeys(urls(5), "A"), age=age) for age in (90, 80, 5)]
    await visit(database, dict.fromkeys(urls(5), "B"), age=1)
    first, second = await connect(), await connect()
    async with first.transaction():
        assert await value(first, RETIRE.replace("*", "rows"), 12) == 12  # one run, and all of it
        deleting = asyncio.create_task(second.connection.fetchrow(RETIRE, 1000))
        await asyncio.wait({deleting}, timeout=1)
    await deleting
    await retention.retire(database, KEEP, within=60, clock=asyncio.get_running_loop().time)
    kept = await read(database)
    assert min(kept) == runs_[2]
    assert all(text is not None for texts in kept.values() for text in texts.values())


async def halved(database: Database) -> tuple[RunId, RunRow]:
    """Return a run of which retention has begun to delete, and its row as it was."""
    old = await visit(database, {**dict.fromkeys(urls(5), "A"), urls(6)[5]: None}, age=90)
    for age in (20, 10):
        await visit(database, dict.fromkeys(urls(5), "B"), age=age)
    row = await find_run(database, old)
    assert row is not None
    await database.connection.fetchrow(RETIRE, 3)
    assert await value(database, "SELECT count(*) FROM trapline.task WHERE run_id = $1", old) == 6
    return old, row


async def test_a_run_that_is_half_deleted_is_gone_for_every_reader(database: Database) -> None:
    """Lists, details, exports, tasks, changes, archive and retry: to each of them the run is not there."""
    old, row = await halved(database)
    assert await find_run(database, old) is None
    assert old not in {run.id for run in await list_runs(database, limit=100)}
    with pytest.raises(InputRefusedError, match=r"no longer kept|no run"):
        await run_detail(database, row, limit=10)
    with pytest.raises(InputRefusedError, match="no longer kept"):
        assert [one async for one in observations(database, old)] == []
    assert await list_tasks(database, run_id=old, limit=100) == []
    assert await list_invocations(database, run_id=old, limit=100) == ()
    assert await runs.failed_urls(database, old) == []
    assert await runs.frozen(database, [old]) == {}
    (page,) = await find_pages(database, urls(1)[0])
    assert await last_change(database, page.id, run_id=old) is None
    claimed = await run_archive.claim(database)
    assert claimed is None or claimed.run_id != old
    with pytest.raises(MessageRefusedError, match="no longer kept"):
        await _retry(database, old)
    while (await retention.retire(database, KEEP, within=60, clock=asyncio.get_running_loop().time, batch=3)).left:
        pass
    for table in ("task", "observation", "alert"):
        assert await value(database, f"SELECT count(*) FROM trapline.{table} WHERE run_id = $1", old) == 0


async def test_an_export_that_is_overtaken_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is deleted while its observations are read ends the reading with an error, not with a part of it."""
    monkeypatch.setattr(observation_views, "_AT_ONCE", 2)
    old = await visit(database, dict.fromkeys(urls(6), "A"), age=90)
    await visit(database, dict.fromkeys(urls(6), "B"), age=1)
    reading = observations(database, old)
    assert (await anext(reading)).text == "A"
    await retention.retire(database, KEEP, within=60, clock=asyncio.get_running_loop().time)
    with pytest.raises(InputRefusedError, match="no longer kept"):
        assert len([one async for one in reading]) < 5


async def _retry(database: Database, run: RunId) -> runs.Opening:
    config = CrawlConfig(name="docs", urls=tuple(urls(1)))
    return await runs.begin(database, config, None, fingerprint=FINGERPRINT, request=uuid.uuid4(), retry_of=run)


async def test_a_retry_that_comes_first_keeps_its_run(database: Database, connect: Connect) -> None:
    """While a retry is being opened and has not committed, retention passes its run over; then it sees the retry."""
    old = await visit(database, dict.fromkeys(urls(2), None), age=90)
    await visit(database, dict.fromkeys(urls(2), "A"), age=1)
    other = await connect()
    async with other.transaction():
        await other.connection.execute("SELECT FROM trapline.run WHERE id = $1 FOR KEY SHARE", old)
        assert tuple(await database.connection.fetchrow(RETIRE, 100)) == (0, 0)
    opening = await _retry(other, old)
    assert tuple(await database.connection.fetchrow(RETIRE, 100)) == (0, 0)
    assert await runs.failed_urls(database, old) == urls(2)
    assert opening.status == "opening"


async def test_a_retry_that_comes_second_is_refused_in_words(database: Database, connect: Connect) -> None:
    """A retry that waited for the first batch of the deletion finds no run, and raises no foreign key of Postgres'."""
    old = await visit(database, dict.fromkeys(urls(2), None), age=90)
    await visit(database, dict.fromkeys(urls(2), "A"), age=1)
    other = await connect()
    async with other.transaction():
        await other.connection.fetchrow(RETIRE, 1)
        retrying = asyncio.create_task(_retry(database, old))
        await until_blocked(other)
    with pytest.raises(MessageRefusedError, match="no longer kept"):
        await retrying


async def test_visits_and_baselines_beside_a_reap_lose_no_text(database: Database, connect: Connect) -> None:
    """Pages are visited, and a baseline goes and comes back, while a reap that sees none of it is not committed."""
    await visit(database, dict.fromkeys(urls(4), "A"), age=90)
    await visit(database, dict.fromkeys(urls(4), "A"), age=80)
    await visit(database, dict.fromkeys(urls(2), "B"), age=1)
    other = await connect()
    async with other.transaction():
        await other.connection.fetchrow(RETIRE, 1000)
        await visit(database, dict.fromkeys(urls(4), "A"), age=0)
        await visit(database, dict.fromkeys(urls(4), "B"), age=0)
        await visit(database, dict.fromkeys(urls(4), "A"), age=0)
    await retention.retire(database, KEEP, within=60, clock=asyncio.get_running_loop().time)
    after = await read(database)
    assert len(after) == 4
    assert all(text in {"A", "B"} for texts in after.values() for text in texts.values())


async def test_a_reap_that_is_killed_leaves_all_as_it_was(database: Database, connect: Connect) -> None:
    """A server process that ends between two statements of a batch takes the whole batch back, and its lock with it."""
    before = await history(database, 7)
    other = await connect()
    backend = await value(other, "SELECT pg_backend_pid()")

    async def cut_off() -> None:
        async with other.transaction():
            await other.fetchrow(load("retention")["retire"], 30, False, 7)
            await database.connection.execute("SELECT pg_terminate_backend($1)", backend)
            await other.fetchrow(load("retention")["retire"], 30, False, 7)

    with pytest.raises(LedgerUnavailableError):
        await cut_off()
    assert await read(database) == before
    done = await retention.retire(database, KEEP, within=60, clock=asyncio.get_running_loop().time)
    assert done.runs > 0
    after: dict[int, dict[int, str | None]] = await read(database)
    assert after == {run: before[run] for run in after}


HELD = {
    "its archive is written now": "UPDATE trapline.run SET archiving_at = now() WHERE id = 1",
    "a task of it is open": "UPDATE trapline.task SET status = 'created', ended_at = NULL WHERE id = 1",
}


@pytest.mark.parametrize("why", HELD)
async def test_a_run_that_another_process_works_on_stays(database: Database, why: str) -> None:
    """A run is not deleted under the archive that reads it, nor while a cancel has tasks of it to end."""
    await visit(database, dict.fromkeys(urls(2), "A"), age=90)
    await visit(database, dict.fromkeys(urls(2), "A"), age=1)
    await database.connection.execute(
        f"SET session_replication_role = replica; {HELD[why]}; RESET session_replication_role"
    )
    assert tuple(await database.connection.fetchrow(RETIRE, 100)) == (0, 0)
