"""Acknowledgements: no further alert of this failure until it recovers, and none of the next one is held back."""

import asyncio
import json

import pytest

from support.ledger import make_old, value
from support.races import Connect, until_blocked
from support.rounds import Rounds
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.acknowledging import Acknowledged, acknowledge, withdraw
from trapline_common.ledger.connection import Database


async def ack(database: Database, who: str = "ann") -> list[Acknowledged]:
    """Acknowledge what fails of the rounds' crawl."""
    return await acknowledge(database, "docs", None, reason="known", acted_by=who)


async def test_no_reminder_of_an_acknowledged_failure_and_then_its_recovery(database: Database) -> None:
    """The failure was told; its reminders are held back; the recovery is told, with who knew of it."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    (known,) = await ack(database)
    assert (known.by, known.reason, known.already) == ("ann", "known", False)
    await make_old(database, "page", "alerted_at", 7200)
    await rounds.go(None, None, "good")
    assert await rounds.told() == ["failure due", "reminder muted", "recovery due"]
    why = await value(database, "SELECT reason FROM trapline.alert WHERE kind = 'reminder'")
    assert why == "acknowledged by ann: known"
    payload = json.loads(await value(database, "SELECT payload FROM trapline.alert WHERE kind = 'recovery'"))
    assert (payload["acknowledged"]["by"], payload["acknowledged"]["reason"]) == ("ann", "known")


async def test_an_acknowledgement_ends_with_its_failure(database: Database) -> None:
    """The next failure of the page, at once behind the recovery, is told, and its recovery names nobody."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    await ack(database)
    await rounds.go("good", None, "good")
    assert await rounds.told(after=2) == ["failure due", "recovery due"]
    last = "SELECT payload ? 'acknowledged' FROM trapline.alert WHERE kind = 'recovery' ORDER BY id DESC LIMIT 1"
    assert not await value(database, last)
    assert await value(database, "SELECT acked_at IS NULL FROM trapline.page")


async def test_a_failure_acknowledged_before_it_was_told_is_never_told(database: Database) -> None:
    """Who sees it in a status, before its first alert, spares the others the failure and the recovery."""
    rounds = Rounds(database=database)
    rounds.crawl = rounds.crawl.model_copy(
        update={"alert": rounds.crawl.alert.model_copy(update={"after_failures": 2})}
    )
    await rounds.go("good", None)
    await ack(database)
    await rounds.go(None, None, "good")
    assert await rounds.told() == ["failure muted"]


async def test_twice_is_harmless_and_the_first_stays(database: Database, connect: Connect) -> None:
    """A doubled click, or two people at once: one of them is the one who acknowledged."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    done = [one for each in await asyncio.gather(*[ack(await connect(), who) for who in "abcd"]) for one in each]
    assert sorted(one.already for one in done) == [False, True, True, True]
    assert len({(one.by, one.at) for one in done}) == 1


async def test_one_that_is_taken_back_holds_nothing_back(database: Database) -> None:
    """The failure that was never told is told by the next failed run; twice is harmless."""
    rounds = Rounds(database=database)
    rounds.crawl = rounds.crawl.model_copy(
        update={"alert": rounds.crawl.alert.model_copy(update={"after_failures": 2})}
    )
    await rounds.go("good", None)
    await ack(database)
    await rounds.go(None)
    assert len(await withdraw(database, "docs", None)) == 1
    assert await withdraw(database, "docs", None) == []
    await rounds.go(None, "good")
    assert await rounds.told() == ["failure muted", "failure due", "recovery due"]


async def test_what_does_not_fail_is_not_acknowledged(database: Database) -> None:
    """Of a good page there is nothing to acknowledge: the failure to come is told."""
    rounds = Rounds(database=database)
    await rounds.go("good")
    assert await ack(database) == []
    await rounds.go(None)
    assert await rounds.told() == ["failure due"]


async def test_an_acknowledgement_has_a_reason(database: Database) -> None:
    """Without one it is refused."""
    with pytest.raises(InputRefusedError, match="say why"):
        await acknowledge(database, "docs", None, reason=" ", acted_by="ann")


@pytest.mark.parametrize("first", ["the recovery", "the acknowledgement"])
async def test_beside_a_recovery_one_comes_after_the_other(database: Database, connect: Connect, first: str) -> None:
    """Race: whichever is second sees the first. No good page is acknowledged, and the next failure is told."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    task = await rounds.begin()
    holder = await connect()

    async def recover() -> list[Acknowledged]:
        await rounds.end(task, text="good", database=await connect())
        return []

    async def know() -> list[Acknowledged]:
        return await ack(await connect())

    contenders = (recover, know) if first == "the recovery" else (know, recover)
    async with holder.transaction():  # the page's row: both wait for it, in this order
        await holder.connection.execute("SELECT FROM trapline.page FOR UPDATE")
        started = []
        for place, contender in enumerate(contenders, start=1):
            started.append(asyncio.create_task(contender()))
            await until_blocked(database, place)
    done = await asyncio.gather(*started)
    known = [one for each in done for one in each]
    assert len(known) == (0 if first == "the recovery" else 1)
    assert await value(database, "SELECT failures FROM trapline.page") == 0
    named = "SELECT payload ? 'acknowledged' FROM trapline.alert WHERE kind = 'recovery'"
    assert await value(database, named) is (first == "the acknowledgement")
    await rounds.go(None)
    assert await rounds.told() == ["failure due", "recovery due", "failure due"]


async def test_a_reminder_beside_an_acknowledgement_that_commits_first_is_held_back(
    database: Database, connect: Connect
) -> None:
    """Race: the visit was judged before the acknowledgement and writes behind it: it looks at the row as it is then."""
    rounds = Rounds(database=database)
    await rounds.go("good", None)
    await make_old(database, "page", "alerted_at", 7200)
    task = await rounds.begin()
    holder = await connect()
    async with holder.transaction():
        await ack(holder)
        completing = asyncio.create_task(rounds.end(task, text=None, database=await connect()))
        await until_blocked(database, 1)
    await completing
    assert await rounds.told() == ["failure due", "reminder muted"]
