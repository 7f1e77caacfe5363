"""Retention: what ended long ago leaves the ledger, and nothing that is still needed goes with it."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from support.ledger import complete, make_old, one_ready, open_run, urls, value
from support.races import Connect
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.ledger import invocations, retention, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.retention import Retention, Retired

KEEP = Retention(days=30)
TABLES = ("run", "task", "observation", "alert", "invocation")
DAY = 86_400.0


async def crawl(database: Database, pages: Sequence[str], text: str = "hello", *, age: float = 0.0) -> RunId:
    """Run the crawl ``docs`` over ``pages`` to its end, ``age`` days ago; every page shows ``text``."""
    run = await open_run(database, pages, crawl=CrawlConfig(name="docs", urls=tuple(pages)))
    held = await one_ready(database)
    while share := await tasks.lease_share(database, held, share=25, another=False):
        for task in share:
            await complete(database, task, text=text, content_hash=f"hash of {text}")
    assert await invocations.succeed(database, held)
    assert await runs.end_if_done(database, run)
    for table in ("run", "invocation"):
        older = f"UPDATE trapline.{table} SET ended_at = ended_at - make_interval(secs => $1)"
        sql = f"{older} WHERE ended_at > now() - interval '1 h'"
        await database.connection.execute(sql, age * DAY)
    return run


async def retire(database: Database, keep: Retention = KEEP, *, batch: int = 1000) -> Retired:
    """Delete all that may go."""
    return await retention.retire(database, keep, within=60, clock=asyncio.get_running_loop().time, batch=batch)


async def left(database: Database) -> list[int]:
    """Return the runs that are still there."""
    return [row["id"] for row in await database.connection.fetch("SELECT id FROM trapline.run ORDER BY id")]


async def rows(database: Database, run: RunId) -> int:
    """Return how many rows a run has in all tables."""
    counts = [
        await value(database, f"SELECT count(*) FROM trapline.{table} WHERE {column} = $1", run)
        for table, column in (("run", "id"), ("task", "run_id"), ("observation", "run_id"), ("alert", "run_id"))
    ]
    return sum(counts)


async def text_of(database: Database, run: RunId) -> str | None:
    """Return the text of the run's first observation, as a reader gets it."""
    first = await value(database, "SELECT min(id) FROM trapline.observation WHERE run_id = $1", run)
    found: str | None = await value(database, load("views/pages")["text"].sql, first)
    return found


async def test_an_old_run_leaves_with_all_that_belongs_to_it(database: Database) -> None:
    """Its tasks, observations, alerts and invocations go; the newer run, the pages and their baselines stay."""
    old = await crawl(database, urls(3), age=31)
    new = await crawl(database, urls(3), age=29)
    pages = await database.connection.fetch("SELECT * FROM trapline.page ORDER BY id")
    assert await retire(database) == Retired(runs=1, rows=1 + 3 + 3 + 1 + 1, left=False)
    assert await rows(database, old) == 0
    assert await rows(database, new) == 1 + 3 + 3 + 1
    assert await database.connection.fetch("SELECT * FROM trapline.page ORDER BY id") == pages
    assert await retire(database) == Retired(runs=0, rows=0, left=False)


KEPT = {
    "a run that has not ended": "UPDATE trapline.run SET status = 'open', ended_at = NULL, outcome = NULL WHERE id = 1",
    "an alert that is due": "UPDATE trapline.alert SET status = 'due' WHERE run_id = 1",
    "a run that is retried": "UPDATE trapline.run SET retry_of = 1 WHERE id = 2",
    "the crawl's last whole run": "UPDATE trapline.run SET outcome = 'cancelled' WHERE id > 1",
}


@pytest.mark.parametrize("why", KEPT)
async def test_what_is_still_needed_stays(database: Database, why: str) -> None:
    """However old it is, such a run keeps every row."""
    for age in (31, 29, 1):
        await crawl(database, urls(2), age=age)
    await database.connection.execute(
        f"SET session_replication_role = replica; {KEPT[why]}; RESET session_replication_role"
    )
    before = await rows(database, RunId(1))
    assert (await retire(database)).runs == 0
    assert await rows(database, RunId(1)) == before


async def test_what_should_be_archived_waits_for_it(database: Database) -> None:
    """Where runs are archived, none leaves before that; elsewhere nothing waits."""
    await crawl(database, urls(1), age=31)
    await crawl(database, urls(1))
    archived_only = Retention(days=30, archived_only=True)
    assert (await retire(database, archived_only)).runs == 0
    await database.connection.execute("UPDATE trapline.run SET archived_at = now() WHERE id = 1")
    assert (await retire(database, archived_only)).runs == 1


async def test_a_text_is_handed_to_the_observation_that_relied_on_it(database: Database) -> None:
    """A content's oldest observation holds its text; when it goes, the next has it, baseline or not."""
    await crawl(database, urls(1), "first", age=40)
    second = await crawl(database, urls(1), "first", age=20)
    third = await crawl(database, urls(1), "first", age=10)
    await crawl(database, urls(1), "other")
    assert await value(database, "SELECT count(*) FROM trapline.observation WHERE text = 'first'") == 1
    assert (await retire(database)).runs == 1
    assert (await text_of(database, second), await text_of(database, third)) == ("first", "first")
    assert await value(database, "SELECT count(*) FROM trapline.observation WHERE text = 'first'") == 1


async def test_the_last_text_of_a_baseline_stays(database: Database) -> None:
    """A page that was long not visited keeps its one observation: the next that finds the same relies on it."""
    await crawl(database, urls(2), "same", age=40)
    await crawl(database, urls(1), "same", age=20)
    assert (await retire(database)).runs == 1
    again = await crawl(database, [urls(2)[1]], "same", age=10)
    await crawl(database, urls(2), "other")
    assert await text_of(database, again) == "same"


async def test_a_batch_is_never_larger_and_the_time_is_kept(database: Database) -> None:
    """Each transaction deletes a few rows; when the time is over the rest waits, and the next call finishes it."""
    await crawl(database, urls(20), age=31)
    await crawl(database, urls(20))
    clock = iter(range(100))
    first = await retention.retire(database, KEEP, within=2, clock=lambda: next(clock), batch=5)
    assert first == Retired(runs=0, rows=10, left=True)
    rest = await retire(database, batch=5)
    assert (rest.runs, rest.left) == (1, False)
    assert first.rows + rest.rows == 1 + 20 + 20 + 1 + 1
    assert await left(database) == [2]


async def test_two_at_once_delete_everything_once(database: Database, connect: Connect) -> None:
    """Two dispatchers retire side by side: neither waits for the other's run, and what is left is right."""
    for _ in range(6):
        await crawl(database, urls(10), age=31)
    newest = await crawl(database, urls(10))
    others = [await connect() for _ in range(2)]
    found = await asyncio.gather(*(retire(other, batch=7) for other in others))
    assert sum(one.runs for one in found) + (await retire(database)).runs == 6
    assert await left(database) == [newest]


async def test_no_client_waits_for_a_batch(database: Database, connect: Connect) -> None:
    """While a batch is deleted and not committed, a run is opened, leased and completed beside it."""
    await crawl(database, urls(30), age=31)
    await crawl(database, urls(30), age=1)
    other = await connect()
    async with other.transaction():
        assert (await other.connection.fetchrow("SELECT * FROM trapline.retire(30, false, 50)"))["rows"] == 50
        async with asyncio.timeout(20):
            await crawl(database, urls(30))


async def test_an_invocation_that_holds_a_task_stays(database: Database) -> None:
    """An invocation that ended long ago and whose tasks no reap has rescued yet is not deleted."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    await tasks.lease_share(database, held, share=1, another=False)
    await database.connection.execute("UPDATE trapline.invocation SET status = 'orphaned', ended_at = now()")
    await make_old(database, "invocation", "ended_at", 31 * DAY)
    assert (await retire(database)).rows == 0
    await database.connection.execute("UPDATE trapline.task SET status = 'created'")
    assert (await retire(database)).rows == 1


@pytest.mark.parametrize("arguments", ["0, false, 10", "30, false, 0", "NULL, false, 10"])
async def test_less_than_a_day_is_refused(database: Database, arguments: str) -> None:
    """The function deletes with its owner's rights, so the function itself refuses too short a time."""
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await database.connection.execute(f"SELECT trapline.retire({arguments})")


@pytest.mark.parametrize(("text", "days"), [("", None), ("1", 1), ("90", 90)])
def test_days_are_read_from_the_environment(text: str, days: int | None) -> None:
    """Not set, or empty, means that everything is kept."""
    found = Retention.read({retention.RETENTION_DAYS: text}, archived_only=True)
    assert found == (None if days is None else Retention(days=days, archived_only=True))


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "a month", "99999", "²"])
def test_days_that_are_none_are_refused(text: str) -> None:
    """The variable is named, and what is wrong with it."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_RETENTION_DAYS"):
        Retention.read({retention.RETENTION_DAYS: text}, archived_only=False)
