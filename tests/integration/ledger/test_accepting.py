"""Accepting by hand: what is held back becomes the baseline, in silence, and what comes later is compared with it."""

import asyncio

import asyncpg
import pytest

from support.ledger import value
from support.postgres import as_role
from support.races import Connect, until_blocked
from support.rounds import Rounds
from trapline_common.ledger.accepting import Acceptance, accept
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.pages import last_change

BASELINE = "SELECT baseline_text, baseline_by, candidate_hash, candidate_seen, earlier_hashes FROM trapline.page"


def held(database: Database) -> Rounds:
    """Rounds of a crawl that wants to see new content three times."""
    rounds = Rounds(database=database)
    rounds.crawl = rounds.crawl.model_copy(update={"confirm_after": 3, "remember": 2})
    return rounds


async def take(database: Database) -> list[Acceptance]:
    """Accept what waits of the rounds' crawl."""
    return [page.outcome for page in await accept(database, "docs", None, acted_by="ann")]


async def test_what_is_held_back_becomes_the_baseline_and_nothing_is_told(database: Database) -> None:
    """Seen once of three times, accepted: the next visits that see it find no change, and the old content is known."""
    rounds = held(database)
    await rounds.go("old", "new")
    assert await take(database) == [Acceptance.ACCEPTED]
    assert tuple(await database.connection.fetchrow(BASELINE)) == ("new", "ann", None, 0, ["old"])
    await rounds.go("new", "new", "new", "old")
    assert await rounds.told() == []
    assert tuple(await database.connection.fetchrow(BASELINE))[:2] == ("old", None), "a visit accepted it since"


async def test_twice_is_harmless(database: Database, connect: Connect) -> None:
    """A doubled click, also at once: one accepts, the others find that nothing waits."""
    await held(database).go("old", "new")
    page = await value(database, "SELECT id FROM trapline.page")
    done = await asyncio.gather(*[accept(await connect(), "docs", page, acted_by="ann") for _ in range(4)])
    outcomes = sorted(each.outcome for pages in done for each in pages)
    assert outcomes == [Acceptance.ACCEPTED, *[Acceptance.NOTHING] * 3]
    assert await take(database) == []


async def test_a_change_behind_it_is_compared_with_it(database: Database) -> None:
    """The difference that is shown is from what was accepted, not from what was the baseline before."""
    rounds = held(database)
    await rounds.go("old", "new")
    await take(database)
    await rounds.go("newer", "newer", "newer")
    change = await last_change(database, await rounds.page())
    assert change is not None
    assert (change.old_text, change.new_text) == ("new", "newer")


async def test_a_visit_judged_before_is_judged_again(database: Database, connect: Connect) -> None:
    """Race: a visit in flight knows the old baseline; it finds the row moved, and what it sees is no change."""
    rounds = held(database)
    rounds.crawl = rounds.crawl.model_copy(update={"confirm_after": 2})
    await rounds.go("old", "new")
    task = await rounds.begin()
    holder = await connect()
    async with holder.transaction():
        assert await take(holder) == [Acceptance.ACCEPTED]
        completing = asyncio.create_task(rounds.end(task, text="new", database=await connect()))
        await until_blocked(database, 1)
    await completing
    assert await rounds.told() == []
    assert await value(database, "SELECT baseline_by FROM trapline.page") == "ann"


async def test_a_text_that_is_no_longer_kept_is_not_made_up(database: Database) -> None:
    """Nothing is changed then."""
    await held(database).go("old", "new")
    await database.connection.execute("UPDATE trapline.observation SET text = NULL")
    assert await take(database) == [Acceptance.GONE]
    assert await value(database, "SELECT baseline_text FROM trapline.page") == "old"


async def test_a_failed_visit_is_nothing_to_accept(database: Database) -> None:
    """What a failing page showed is no content; what waited before it failed still does."""
    rounds = held(database)
    await rounds.go("old", None)
    assert await take(database) == []
    await rounds.go("new", None)
    assert await take(database) == [Acceptance.ACCEPTED]
    assert await value(database, "SELECT baseline_text FROM trapline.page") == "new"


async def test_the_operator_makes_a_baseline_of_what_was_observed_alone(dsn: str, database: Database) -> None:
    """Its role may accept, and may write no text into a page."""
    await held(database).go("old", "new")
    async with await Database.connect(as_role(dsn, "trapline_operator")) as operator:
        assert await take(operator) == [Acceptance.ACCEPTED]
        for column in ("baseline_text", "baseline_hash", "candidate_hash"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await operator.connection.execute(f"UPDATE trapline.page SET {column} = 'x'")
    for role in ("trapline_crawler", "trapline_notifier"):
        async with await Database.connect(as_role(dsn, role)) as other:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await other.connection.execute("SELECT trapline.accept_candidate(1, 'x')")


async def test_a_picture_that_waits_is_accepted_with_the_text_or_without(database: Database) -> None:
    """A picture held back, or told of a baseline that is set by hand, is the baseline then; twice is harmless."""
    await held(database).go("old", "old")
    picture = '{"unstable": false, "problem": null}'
    await database.connection.execute(
        "UPDATE trapline.observation SET screenshot = 'new.png', picture = $1 "
        "WHERE id = (SELECT max(id) FROM trapline.observation)",
        picture,
    )
    kept = '{"key": "%s", "picture": {}}'
    waits = f'{{"baseline": {kept % "old.png"}, "candidate": {kept % "new.png"}, "seen": 1, "told": true}}'
    await database.connection.execute("UPDATE trapline.page SET visual_key = 'old.png', visual = $1", waits)
    assert await take(database) == [Acceptance.ACCEPTED]
    assert await value(database, "SELECT visual_key FROM trapline.page") == "new.png"
    page = await value(database, "SELECT id FROM trapline.page")
    again = await accept(database, "docs", page, acted_by="ann")
    assert [each.outcome for each in again] == [Acceptance.NOTHING]
    assert await take(database) == []
