"""Mutes: what is born under one is recorded and told to nobody, exactly from its begin to its end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from support.ledger import complete, make_old, urls, value
from support.races import Connect, until_blocked
from support.rounds import Rounds
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import PageId
from trapline_common.ledger import mutes
from trapline_common.ledger.connection import Database
from trapline_common.ledger.mutes import MutedKind

SUMMARIES = "SELECT status::text FROM trapline.alert WHERE kind = 'summary' ORDER BY id"


async def mute(database: Database, page_id: PageId | None = None, *kinds: MutedKind) -> mutes.Begun:
    """Mute the crawl of the rounds, or its page, for two days."""
    return await mutes.mute(
        database,
        "docs",
        page_id,
        kinds=kinds or tuple(MutedKind),
        until=timedelta(days=2),
        reason="redesign",
        acted_by="ann",
    )


async def unmute(database: Database, page_id: PageId | None = None) -> bool:
    """End it."""
    return await mutes.unmute(database, "docs", page_id, acted_by="bob")


async def let_it_run_out(database: Database) -> None:
    """Make the mutes' time be over, without a tick."""
    await database.connection.execute(
        "UPDATE trapline.mute SET since = now() - interval '3 days', until = now() - interval '1 second' "
        "WHERE ended_at IS NULL"
    )


async def test_what_fails_and_recovers_under_a_mute_tells_nothing(database: Database) -> None:
    """A failure that nobody was told of has no recovery to tell; visits and rows of failures go on."""
    rounds = Rounds(database=database)
    await rounds.go("good")
    await mute(database)
    await rounds.go(None, None, "good")
    assert await rounds.told() == ["failure muted"]
    assert await value(database, "SELECT count(*) FROM trapline.observation") == 4
    await unmute(database)
    await rounds.go("good")
    assert await rounds.told() == ["failure muted"]


@pytest.mark.parametrize("ends", ["unmuted", "over"])
async def test_what_still_fails_behind_a_mute_is_told_once(database: Database, ends: str) -> None:
    """The first failed run behind the mute tells the failure, with the runs in a row; then it recovers as ever."""
    rounds = Rounds(database=database)
    await rounds.go("good")
    await mute(database)
    await rounds.go(None, None)
    assert await value(database, "SELECT hushed FROM trapline.page") == 2
    await (unmute(database) if ends == "unmuted" else let_it_run_out(database))
    await rounds.go(None, None, "good")
    assert await rounds.told() == ["failure muted", "failure due", "recovery due"]
    in_a_row = "SELECT payload ->> 'failures' FROM trapline.alert WHERE kind = 'failure' AND status = 'due'"
    assert await value(database, in_a_row) == "3"


async def test_a_failure_that_was_told_reminds_behind_the_mute(database: Database) -> None:
    """The reminder that a mute kept back comes with the first failed run behind it, for its time has not begun anew."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    await mute(database)
    await make_old(database, "page", "alerted_at", 7200)
    await rounds.go(None, None)
    await unmute(database)
    await rounds.go(None)
    assert await rounds.told() == ["failure due", "reminder muted", "reminder due"]


async def test_the_recovery_of_a_told_failure_is_told_unless_it_is_muted(database: Database) -> None:
    """Of a failure that was told, a mute of failures alone lets the recovery through; a whole one does not."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    await mute(database, None, MutedKind.FAILURE)
    await rounds.go("good")
    await unmute(database)
    await rounds.go(None)
    await mute(database)
    await rounds.go("good")
    assert await rounds.told() == ["failure due", "recovery due", "failure due", "recovery muted"]


async def test_changes_and_summaries_are_muted_by_their_kinds(database: Database) -> None:
    """A mute names what it keeps back; the baseline moves on, so a change under a mute is never told."""
    rounds = Rounds(database=database)
    await rounds.go("one")
    await mute(database, None, MutedKind.CHANGE)
    await rounds.go("two")
    await mute(database, None, MutedKind.SUMMARY)
    await rounds.go("three")
    await unmute(database)
    await rounds.go("three")
    assert await rounds.told() == ["change muted", "change due"]
    assert [row[0] for row in await database.connection.fetch(SUMMARIES)] == ["due", "due", "muted", "due"]
    why = await value(database, "SELECT reason FROM trapline.alert WHERE kind = 'change' ORDER BY id LIMIT 1")
    assert "by ann: redesign" in why


async def test_a_page_is_muted_alone(database: Database) -> None:
    """A mute of one page is none of its neighbours', of the crawl's runs or of another crawl's page."""
    rounds = Rounds(database=database)
    other = Rounds(database=database, crawl=rounds.crawl.model_copy(update={"name": "shop"}))
    await rounds.go("good")
    await other.go("good")
    await mute(database, await rounds.page())
    await rounds.go(None)
    await other.go(None)
    assert await rounds.told() == ["failure muted", "failure due"]
    assert {row[0] for row in await database.connection.fetch(SUMMARIES)} == {"due"}


async def test_a_mute_that_begins_beside_a_completion_waits_for_it(database: Database, connect: Connect) -> None:
    """Race: what a completion in flight tells was born before the mute; what comes behind it is muted.

    Whoever got the mute's answer is told nothing that commits later.
    """
    rounds = Rounds(database=database)
    await rounds.go("good")
    task = await rounds.begin()
    page = await rounds.page()
    holder = await connect()
    async with holder.transaction():  # holds the task's row: the completion waits in the middle
        await holder.connection.execute("SELECT FROM trapline.task WHERE id = $1 FOR UPDATE", task.lease.task_id)
        completing = asyncio.create_task(rounds.end(task, text=None, database=await connect()))
        await until_blocked(database, 1)
        muting = asyncio.create_task(mute(await connect(), page))
        await until_blocked(database, 2)
    await asyncio.gather(completing, muting)
    await rounds.go("good", None)
    assert await rounds.told() == ["failure due", "recovery muted", "failure muted"]


async def test_a_completion_beside_a_mute_that_begins_is_muted(database: Database, connect: Connect) -> None:
    """Race: the mute has the crawl's lock and has not committed; the completion waits for it, and sees it."""
    rounds = Rounds(database=database)
    await rounds.go("good")
    task = await rounds.begin()
    holder = await connect()
    async with holder.transaction():
        await holder.connection.execute("SELECT pg_advisory_xact_lock(trapline.mute_key('docs'))")
        completing = asyncio.create_task(rounds.end(task, text=None, database=await connect()))
        await until_blocked(database, 1)
        await holder.connection.execute(
            "INSERT INTO trapline.mute (crawl, kinds, reason, acted_by, until) "
            "VALUES ('docs', '{failure}', 'redesign', 'ann', now() + interval '1 day')"
        )
    await completing
    assert await rounds.told() == ["failure muted"]


async def test_a_run_that_ends_beside_a_mute_that_begins_tells_no_summary(database: Database, connect: Connect) -> None:
    """Race: the same for a run's summary, which is written in a transaction of its own."""
    rounds = Rounds(database=database)
    task = await rounds.begin()
    holder = await connect()
    async with holder.transaction():
        await holder.connection.execute("SELECT pg_advisory_xact_lock(trapline.mute_key('docs'))")
        ending = asyncio.create_task(rounds.end(task, text="good", database=await connect()))
        await until_blocked(database, 1)
        await holder.connection.execute(
            "INSERT INTO trapline.mute (crawl, kinds, reason, acted_by, until) "
            "VALUES ('docs', '{summary}', 'redesign', 'ann', now() + interval '1 day')"
        )
    await ending
    assert [row[0] for row in await database.connection.fetch(SUMMARIES)] == ["muted"]


async def test_mutes_of_one_page_at_once_leave_one(database: Database, connect: Connect) -> None:
    """A doubled click: one mute of a crawl or a page is open, whoever came last; one `unmute` ends it."""
    await asyncio.gather(*[mute(await connect()) for _ in range(4)])
    assert await value(database, "SELECT count(*) FROM trapline.mute WHERE ended_at IS NULL") == 1
    assert (await mute(database)).replaced
    assert await unmute(database)
    assert not await unmute(database)


async def test_the_tick_notes_what_is_over(database: Database) -> None:
    """A mute ends by its time; the tick notes it, once, and another one may begin before that."""
    await mute(database)
    assert await mutes.end_over(database) == 0
    await let_it_run_out(database)
    assert not await unmute(database), "its time was over"
    assert not (await mute(database)).replaced
    await let_it_run_out(database)
    assert (await mutes.end_over(database), await mutes.end_over(database)) == (1, 0)
    rows = await database.connection.fetch("SELECT ended_at = until AS on_time, ended_by FROM trapline.mute")
    assert [tuple(row) for row in rows] == [(True, None)] * 2


@pytest.mark.parametrize(
    ("until", "reason", "says"),
    [
        (timedelta(0), "x", "ends in the future"),
        (datetime(2020, 1, 1, tzinfo=UTC), "x", "ends in the future"),
        (timedelta(days=400), "x", "within 366 days"),
        (timedelta(days=1), "  ", "say why"),
        (timedelta(days=1), "x" * 501, "501 characters, and 500 are shown"),
    ],
)
async def test_a_mute_has_an_end_and_a_reason(
    database: Database, until: datetime | timedelta, reason: str, says: str
) -> None:
    """Without them it is refused, and the one that is there stays."""
    await mute(database)
    with pytest.raises(InputRefusedError, match=says):
        await mutes.mute(database, "docs", None, until=until, reason=reason, acted_by="ann")
    assert await value(database, "SELECT count(*) FROM trapline.mute WHERE ended_at IS NULL") == 1


async def test_who_tells_nothing_of_it_holds_no_lock_of_mutes(database: Database, connect: Connect) -> None:
    """A visit without an alert waits for no mute: the hot path pays nothing for them."""
    rounds = Rounds(database=database, crawl=CrawlConfig(name="docs", urls=tuple(urls(1))))
    task = await rounds.begin()
    holder = await connect()
    async with holder.transaction():
        await holder.connection.execute("SELECT pg_advisory_xact_lock(trapline.mute_key('docs'))")
        await complete(database, task)
