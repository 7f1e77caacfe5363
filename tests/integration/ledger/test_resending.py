"""Sending again: the same message under the same id, what it told with it, and nothing behind something newer."""

import asyncio
from collections.abc import Sequence

import pytest

from support.ledger import value
from support.postgres import as_role
from support.races import Connect
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import AlertId
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.ledger.resending import SentAgain, send_again

CHAT, MAIL = "chat", "mail"
HOLD = 60.0


async def write(database: Database, page: int | None, *, status: str = "due") -> AlertId:
    """Write an alert about a page, or about the crawl."""
    sql = (
        "INSERT INTO trapline.alert (kind, crawl, page_id, payload, status, reason) "
        "VALUES ('failure', 'docs', $1, '{}', $2::text::trapline.alert_status, 'why') RETURNING id"
    )
    return AlertId(await value(database, sql, page, status))


async def told(database: Database, alerts: Sequence[AlertId], *, how: str = "sent", message: str = "m") -> None:
    """Tell them in one message to both channels, which take it, or of which one refuses it."""
    outbox = PostgresOutbox(database)
    await outbox.spread((CHAT, MAIL), everything=(CHAT, MAIL), closed=False, hold_seconds=HOLD)
    for channel in (CHAT, MAIL):
        assert await outbox.hold(channel, HOLD) == 0
        await outbox.attempt(channel, alerts, message, HOLD)
        if how == "refused" and channel == MAIL:
            await outbox.refuse(channel, alerts, "too long")
        else:
            await outbox.mark_sent(channel, alerts, "receipt")
        await outbox.let_go(channel)


async def again(database: Database, alert: AlertId) -> SentAgain:
    """Send it again."""
    return await send_again(database, alert, acted_by="ann")


async def waits(database: Database, channel: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the message that a notifier would send to the channel next, and its alerts."""
    found = await PostgresOutbox(database).again(channel)
    return None if found is None else (found.id, tuple(found.alerts))


async def test_what_was_sent_is_sent_again_whole_and_under_its_id(database: Database) -> None:
    """Both channels get the message as it was, with all that it told; then it is sent, as before."""
    first, second = await write(database, 1), await write(database, 2)
    await told(database, [first, second])
    done = await again(database, second)
    assert (done.channels, done.alerts, done.already) == ((CHAT, MAIL), 2, False)
    assert await waits(database, CHAT) == await waits(database, MAIL) == ("m", (first, second))
    rows = await database.connection.fetch("SELECT id, status::text, again_by FROM trapline.alert ORDER BY id")
    assert [tuple(row) for row in rows] == [(first, "due", None), (second, "due", "ann")]
    outbox = PostgresOutbox(database)
    for channel in (CHAT, MAIL):
        await outbox.hold(channel, HOLD)
        assert len(await outbox.attempt(channel, [first, second], "m", HOLD)) == 2
        await outbox.mark_sent(channel, [first, second], "receipt 2")
    assert await value(database, "SELECT array_agg(DISTINCT status::text) FROM trapline.alert") == ["sent"]


async def test_only_the_channel_that_refused_it_gets_it_again(database: Database) -> None:
    """Who has it gets it no second time."""
    alert = await write(database, 1)
    await told(database, [alert], how="refused")
    assert (await again(database, alert)).channels == (MAIL,)
    assert (await waits(database, CHAT), await waits(database, MAIL)) == (None, ("m", (alert,)))


async def test_who_refused_it_gets_it_again_also_while_it_waits_for_another(database: Database) -> None:
    """One channel refused it, another is away: both are tried."""
    alert = await write(database, 1)
    outbox = PostgresOutbox(database)
    await outbox.spread((CHAT, MAIL), everything=(CHAT, MAIL), closed=False, hold_seconds=HOLD)
    for channel in (CHAT, MAIL):
        await outbox.hold(channel, HOLD)
        await outbox.attempt(channel, [alert], "m", HOLD)
    await outbox.put_off(CHAT, [alert], 600)
    await outbox.refuse(MAIL, [alert], "too long")
    done = await again(database, alert)
    assert (done.channels, done.already) == ((CHAT, MAIL), False)
    assert await waits(database, CHAT) == await waits(database, MAIL) == ("m", (alert,))


async def test_twice_is_harmless(database: Database, connect: Connect) -> None:
    """A doubled click: one message waits, under one id."""
    alert = await write(database, 1)
    await told(database, [alert], how="refused")
    done = await asyncio.gather(*[again(await connect(), alert) for _ in range(4)])
    assert sorted(each.already for each in done) == [False, True, True, True]
    assert {each.channels for each in done} == {(MAIL,)}
    assert await waits(database, MAIL) == ("m", (alert,))


async def test_nothing_is_told_behind_something_newer_of_its_page(database: Database) -> None:
    """A channel that has heard of a recovery hears no failure from before it; of another page it may."""
    failure, other = await write(database, 1), await write(database, 2)
    await told(database, [failure, other], how="refused")
    later = await write(database, 1)
    await told(database, [later], message="n")
    with pytest.raises(InputRefusedError, match=f"mail was told alert {later} of the same page"):
        await again(database, failure)
    assert await waits(database, MAIL) is None, "all or nothing"
    with pytest.raises(InputRefusedError, match="was told"):  # its message tells of the first page as well
        await again(database, other)
    assert (await again(database, later)).channels == (CHAT, MAIL)


async def test_what_is_newer_and_was_never_attempted_waits_behind_it(database: Database) -> None:
    """The order stays: the older alert is sent first."""
    failure = await write(database, 1)
    await told(database, [failure])
    later = await write(database, 1)
    outbox = PostgresOutbox(database)
    await outbox.spread((CHAT, MAIL), everything=(CHAT, MAIL), closed=False, hold_seconds=HOLD)
    assert [head.id for head in await outbox.untold(CHAT, 9)] == [later]
    await again(database, failure)
    assert await outbox.untold(CHAT, 9) == []
    assert await waits(database, CHAT) == ("m", (failure,))


async def test_what_was_never_spread_is_due_anyway_and_what_no_channel_has_is_spread_anew(database: Database) -> None:
    """An alert that an older release sent, which knew no deliveries, goes to the channels that there are."""
    new = await write(database, 1)
    assert (await again(database, new)).already
    await database.connection.execute(
        "UPDATE trapline.alert SET status = 'sent', sent_at = now(), spread_at = now() WHERE id = $1", new
    )
    assert not (await again(database, new)).already
    await PostgresOutbox(database).spread((CHAT,), everything=(CHAT,), closed=False, hold_seconds=HOLD)
    assert [head.id for head in await PostgresOutbox(database).untold(CHAT, 9)] == [new]


async def test_what_cant_be_sent_again_is_refused_with_the_reason(database: Database) -> None:
    """No such alert, one that was muted, one whose channels are gone."""
    with pytest.raises(InputRefusedError, match="no alert 99"):
        await again(database, AlertId(99))
    with pytest.raises(InputRefusedError, match="was never to be sent: why"):
        await again(database, await write(database, 1, status="muted"))
    alert = await write(database, 1)
    await told(database, [alert])
    await database.connection.execute("DELETE FROM trapline.channel")
    with pytest.raises(InputRefusedError, match="its channels are not there any more"):
        await again(database, alert)
    assert await value(database, "SELECT status::text FROM trapline.alert WHERE id = $1", alert) == "sent"


async def test_the_operators_role_may(dsn: str, database: Database) -> None:
    """With what grants.sql gives it."""
    alert = await write(database, 1)
    await told(database, [alert], how="refused")
    async with await Database.connect(as_role(dsn, "trapline_operator")) as operator:
        assert (await again(operator, alert)).channels == (MAIL,)


async def test_beside_an_attempt_that_is_under_way_it_is_sent_once(database: Database, connect: Connect) -> None:
    """Race: a notifier is sending it. It stays that notifier's, and ends with its answer."""
    alert = await write(database, 1)
    outbox, other = PostgresOutbox(database), PostgresOutbox(await connect())
    await outbox.spread((CHAT,), everything=(CHAT,), closed=False, hold_seconds=HOLD)
    assert await outbox.hold(CHAT, HOLD) == 0
    await outbox.attempt(CHAT, [alert], "m", HOLD)
    assert (await again(await connect(), alert)).already
    assert await other.hold(CHAT, HOLD) is None, "no other notifier may take it meanwhile"
    await outbox.mark_sent(CHAT, [alert], "receipt")
    assert await waits(database, CHAT) is None
    assert await value(database, "SELECT status::text FROM trapline.alert") == "sent"
