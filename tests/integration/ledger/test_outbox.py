"""The outbox: each alert has a delivery for each channel, one notifier at a time serves a channel, none is lost."""

import asyncio

import asyncpg
import pytest

from support.ledger import open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.alerts.page_state import AlertDraft, AlertKind
from trapline_common.domain.ids import AlertId, RunId
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox, add_alert, any_due

CHAT = "chat"
HOLD = 60.0


async def _add(database: Database, count: int, *, muted: bool = False, to: tuple[str, ...] = (CHAT,)) -> None:
    for number in range(count):
        draft = AlertDraft(kind=AlertKind.CHANGE, payload={"number": number}, to=to, muted=muted)
        await add_alert(database, draft, crawl="docs", run_id=None)


async def _about_page(database: Database, page: int, *, crawl: str = "docs") -> AlertId:
    """Write an alert about a page as a crawler does, of any release."""
    return AlertId(
        await value(
            database,
            "INSERT INTO trapline.alert (kind, crawl, page_id, payload) VALUES ('failure', $1, $2, '{}') RETURNING id",
            crawl,
            page,
        )
    )


async def _spread(outbox: PostgresOutbox, *channels: str, closed: bool = False) -> list[AlertId]:
    return await outbox.spread(channels or (CHAT,), everything=(), closed=closed, hold_seconds=HOLD)


async def _deliveries(database: Database) -> list[tuple[int, str, str]]:
    rows = await database.connection.fetch(
        "SELECT alert_id, channel, status::text FROM trapline.delivery ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def _statuses(database: Database) -> list[str]:
    rows = await database.connection.fetch("SELECT status::text FROM trapline.alert ORDER BY id")
    return [row["status"] for row in rows]


async def test_two_notifiers_at_once_serve_a_channel_one_after_the_other(database: Database, connect: Connect) -> None:
    """Of eight notifiers that want a channel one has it, and of two channels each has its own."""
    outboxes = [PostgresOutbox(await connect()) for _ in range(8)]
    await _spread(outboxes[0], "one", "two")
    for channel in ("one", "two"):
        held = await asyncio.gather(*(outbox.hold(channel, HOLD) for outbox in outboxes))
        assert sorted(held, key=lambda each: each is None) == [0, *(None,) * 7]
        first = outboxes[held.index(0)]
        assert await first.hold(channel, HOLD) == 0, "its holder may hold it for longer"
        await first.let_go(channel)
        assert await outboxes[0].hold(channel, HOLD) == 0


async def test_notifiers_that_spread_together_make_each_delivery_once(database: Database, connect: Connect) -> None:
    """Eight notifiers that find the same alerts make one delivery for each alert and channel, in no deadlock."""
    await _add(database, 60, to=())
    outboxes = [PostgresOutbox(await connect()) for _ in range(8)]
    await asyncio.gather(*(_spread(outbox, "one", "two") for outbox in outboxes))
    assert await _deliveries(database) == [(n, name, "due") for n in range(1, 61) for name in ("one", "two")]


async def test_alerts_come_oldest_first_with_what_they_carry(database: Database) -> None:
    """What waits comes in the order in which it happened; an attempt returns payload and channels."""
    await _add(database, 3)
    outbox = PostgresOutbox(database)
    await _spread(outbox)
    assert await outbox.hold(CHAT, HOLD) == 0
    heads = await outbox.untold(CHAT, 2)
    assert [(head.id, head.kind, head.crawl, head.page_id, head.to) for head in heads] == [
        (1, "change", "docs", None, (CHAT,)),
        (2, "change", "docs", None, (CHAT,)),
    ]
    first, second = await outbox.attempt(CHAT, [AlertId(2), AlertId(1)], "m", HOLD)
    assert (first.payload, second.payload) == ({"number": 0}, {"number": 1})
    assert (first.to, first.kind, first.crawl, first.attempts) == ((CHAT,), "change", "docs", 1)


async def test_a_dead_notifiers_message_is_handed_out_again_as_it_was(database: Database, connect: Connect) -> None:
    """When the hold ran out another notifier gets the same alerts under the same id; the dead one may write no more."""
    await _add(database, 3)
    dead, other = PostgresOutbox(database), PostgresOutbox(await connect())
    await _spread(dead)
    assert await dead.hold(CHAT, HOLD) == 0
    await dead.attempt(CHAT, [AlertId(1), AlertId(2)], "first", HOLD)
    assert await other.hold(CHAT, HOLD) is None
    assert await other.again(CHAT) is None
    await database.connection.execute(
        "UPDATE trapline.channel SET held_until = now(); UPDATE trapline.delivery SET next_try_at = now()"
    )
    assert await other.hold(CHAT, HOLD) == 0
    again = await other.again(CHAT)
    assert again is not None
    assert (again.id, again.alerts) == ("first", (1, 2))
    assert [row.attempts for row in await other.attempt(CHAT, again.alerts, again.id, HOLD)] == [2, 2]
    assert await dead.attempt(CHAT, [AlertId(3)], "late", HOLD) == []
    await dead.split(CHAT, {"late": [AlertId(1)]})
    assert await value(database, "SELECT array_agg(DISTINCT message_id) FROM trapline.delivery") == ["first", None]


async def test_what_ended_is_never_handed_out_again(database: Database) -> None:
    """``sent`` and ``refused`` are the end, even for a slow notifier that then says otherwise."""
    await _add(database, 2)
    outbox = PostgresOutbox(database)
    await _spread(outbox)
    await outbox.mark_sent(CHAT, [AlertId(1)], "receipt")
    await outbox.refuse(CHAT, [AlertId(2)], "too long\x00")
    await outbox.mark_sent(CHAT, [AlertId(2)], "late")
    await outbox.put_off(CHAT, [AlertId(1), AlertId(2)], 0)
    assert await outbox.untold(CHAT, 9) == []
    assert await outbox.again(CHAT) is None
    rows = await database.connection.fetch("SELECT status::text, message_id, reason FROM trapline.alert ORDER BY id")
    assert [tuple(row) for row in rows] == [("sent", "receipt", None), ("refused", None, "too long\ufffd")]


async def test_a_later_alert_of_a_page_waits_for_the_earlier_one(database: Database) -> None:
    """While a page's first alert is on its way, its second is not handed out; another page's is, and another channel's.

    The same URL in another crawl is another page.
    """
    outbox = PostgresOutbox(database)
    first, other = await _about_page(database, 7), await _about_page(database, 8)
    await _spread(outbox, "one", "two")
    assert await outbox.hold("one", HOLD) == 0
    await outbox.attempt("one", [first], "m", HOLD)
    later, elsewhere = await _about_page(database, 7), await _about_page(database, 9, crawl="shop")
    await _spread(outbox, "one", "two")
    assert [head.id for head in await outbox.untold("one", 9)] == [other, elsewhere]
    assert [head.id for head in await outbox.untold("two", 9)] == [first, other, later, elsewhere]
    await outbox.put_off("one", [first], 600)
    assert [head.id for head in await outbox.untold("one", 9)] == [other, elsewhere]
    await outbox.refuse("one", [first], "its content")
    assert [head.id for head in await outbox.untold("one", 9)] == [other, later, elsewhere]


async def test_a_split_message_keeps_the_order_of_its_page(database: Database) -> None:
    """Of two changes of a page in one refused message the second waits until the first has ended."""
    outbox = PostgresOutbox(database)
    first, second = await _about_page(database, 7), await _about_page(database, 7)
    await _spread(outbox)
    assert await outbox.hold(CHAT, HOLD) == 0
    await outbox.attempt(CHAT, [first, second], "both", HOLD)
    await outbox.split(CHAT, {"second": [second], "first": [first]})
    again = await outbox.again(CHAT)
    assert again is not None
    assert (again.id, again.alerts) == ("first", (first,))
    await outbox.attempt(CHAT, [first], "first", HOLD)
    await outbox.put_off(CHAT, [first], 600)
    assert await outbox.again(CHAT) is None
    await outbox.mark_sent(CHAT, [first], "receipt")
    again = await outbox.again(CHAT)
    assert again is not None
    assert again.alerts == (second,)


async def test_a_channels_back_off_is_kept_by_every_notifier(database: Database, connect: Connect) -> None:
    """It is in the ledger, ends with the first message that the channel takes, and is no other channel's."""
    await _add(database, 1, to=())
    outboxes = [PostgresOutbox(database), PostgresOutbox(await connect())]
    await _spread(outboxes[0], "one", "two")
    await outboxes[0].back_off("one", "throttled\x00", 0.0)
    assert await outboxes[1].hold("one", HOLD) == 1
    await outboxes[1].let_go("one")
    await outboxes[0].back_off("one", "throttled", 600.0)
    assert [await outbox.hold("one", HOLD) for outbox in outboxes] == [None, None]
    assert await outboxes[0].hold("two", HOLD) == 0
    assert await value(database, "SELECT reason FROM trapline.channel WHERE failing_since <= now()") == "throttled"
    await outboxes[0].mark_sent("one", [AlertId(1)], "receipt")
    assert await outboxes[1].hold("one", HOLD) == 0


async def test_a_channel_that_is_added_later_gets_nothing_of_the_past(database: Database) -> None:
    """What has its deliveries gets no more; what comes from then on goes to the new channel too."""
    outbox = PostgresOutbox(database)
    await _about_page(database, 7)
    await _spread(outbox, "one")
    await _about_page(database, 7)
    await _spread(outbox, "one", "two")
    assert await _deliveries(database) == [(1, "one", "due"), (2, "one", "due"), (2, "two", "due")]


async def test_a_channel_that_is_taken_out_holds_nothing(database: Database) -> None:
    """What waited for it alone ends or goes to the others; what another channel took is sent."""
    outbox = PostgresOutbox(database)
    await _add(database, 1, to=("gone",))
    await _about_page(database, 7)
    await _spread(outbox, "kept", "gone")
    await outbox.mark_sent("kept", [AlertId(2)], "receipt")
    assert await _statuses(database) == ["due", "due"]
    await outbox.spread(("kept",), everything=("kept",), closed=False, hold_seconds=HOLD)
    assert await _statuses(database) == ["due", "sent"]
    assert await _deliveries(database) == [(1, "kept", "due"), (2, "gone", "dropped"), (2, "kept", "sent")]
    assert await outbox.channels() == ["kept"]


async def test_a_channel_that_takes_nothing_for_a_week_holds_nothing_for_ever(database: Database) -> None:
    """What another channel took is given up after a week; what none took is never given up."""
    outbox = PostgresOutbox(database)
    await _about_page(database, 7)
    await _about_page(database, 7)
    await _spread(outbox, "good", "dead")
    await outbox.mark_sent("good", [AlertId(1)], "receipt")
    await outbox.back_off("dead", "HTTP 404", 600.0)
    await database.connection.execute(
        "UPDATE trapline.channel SET failing_since = now() - interval '8 days' WHERE name = 'dead';"
        "UPDATE trapline.alert SET created_at = now() - interval '8 days'"
    )
    await _spread(outbox, "good", "dead")
    assert await _statuses(database) == ["sent", "due"]
    assert await value(database, "SELECT reason FROM trapline.delivery WHERE status = 'dropped'") == (
        "the channel took nothing for a week: HTTP 404"
    )


async def test_a_name_that_is_no_channel_is_a_mistake_where_all_are_known(database: Database) -> None:
    """One machine knows all its channels: an alert for another goes to the terminal, and the mistake is kept."""
    outbox = PostgresOutbox(database)
    await _add(database, 1, to=("absent",))
    await _add(database, 1, to=("absent", "one"))
    nowhere = await outbox.spread(("terminal", "one"), everything=("terminal",), closed=True, hold_seconds=HOLD)
    assert nowhere == [1]
    assert await _deliveries(database) == [
        (1, "absent", "refused"),
        (1, "terminal", "due"),
        (2, "one", "due"),
        (2, "terminal", "due"),
    ]
    await outbox.mark_sent("terminal", [AlertId(1)], "receipt")
    assert await _statuses(database) == ["sent", "due"]


async def test_the_last_two_channels_that_end_together_end_the_alert(database: Database, connect: Connect) -> None:
    """Of two notifiers that end an alert's last deliveries at once the second sees the first's: the alert is sent."""
    await _add(database, 1, to=())
    one, two = PostgresOutbox(database), PostgresOutbox(await connect())
    await _spread(one, "one", "two")
    async with database.transaction():
        await one.mark_sent("one", [AlertId(1)], "receipt")
        second = asyncio.create_task(two.refuse("two", [AlertId(1)], "too long"))
        await until_blocked(database)
    await second
    assert await _statuses(database) == ["sent"]


async def test_of_notifiers_that_spread_side_by_side_one_decides_what_is_first(
    database: Database, connect: Connect
) -> None:
    """A host's second failure commits while a notifier spreads the first: the next one sees that, and lets it join."""
    run = await open_run(database, urls(1))
    write = (
        "INSERT INTO trapline.alert (kind, crawl, run_id, page_id, payload) "
        """VALUES ('failure', 'docs', $1, $2, '{"url": "https://site.example/", "reason": "connect"}')"""
    )
    one, other = PostgresOutbox(database), await connect()
    await _spread(one)
    await other.connection.execute(write, run, 1)
    async with database.transaction():
        await _spread(one)
        await other.connection.execute(write, run, 2)
        second = asyncio.create_task(_spread(PostgresOutbox(other)))
        await until_blocked(database)
    await second
    rows = await database.connection.fetch("SELECT held FROM trapline.delivery ORDER BY alert_id")
    assert [row["held"] for row in rows] == [False, True]


async def test_what_a_notifier_of_the_release_before_holds_is_left_to_it(database: Database) -> None:
    """With the later alerts of its page, until its claim ends; what it sent is not sent again."""
    outbox = PostgresOutbox(database)
    claimed, later = await _about_page(database, 7), await _about_page(database, 7)
    other = await _about_page(database, 8)
    await database.connection.execute(
        "UPDATE trapline.alert SET claimed_until = now() + interval '60 s' WHERE id = $1", claimed
    )
    await _spread(outbox)
    assert [head.id for head in await outbox.untold(CHAT, 9)] == [other]
    await database.connection.execute("UPDATE trapline.alert SET claimed_until = now() WHERE id = $1", claimed)
    await _spread(outbox)
    assert [head.id for head in await outbox.untold(CHAT, 9)] == [claimed, later, other]
    await database.connection.execute(
        "UPDATE trapline.alert SET status = 'sent', sent_at = now() WHERE id = $1", claimed
    )
    assert [head.id for head in await outbox.untold(CHAT, 9)] == [later, other]
    assert await value(database, "SELECT bool_and(claimed_until > now()) FROM trapline.alert WHERE status = 'due'")


async def test_a_nudge_is_due_for_what_a_notifier_can_do_now(database: Database) -> None:
    """An alert without deliveries, a delivery whose time has come: not one in a back-off, or in another's hands."""
    outbox = PostgresOutbox(database)
    assert not await any_due(database)
    await _add(database, 1)
    assert await any_due(database)
    await _spread(outbox)
    assert await any_due(database)
    assert await outbox.hold(CHAT, HOLD) == 0
    assert not await any_due(database)
    await outbox.attempt(CHAT, [AlertId(1)], "m", HOLD)
    await outbox.let_go(CHAT)
    assert not await any_due(database), "it is tried again when its time has come"
    await outbox.put_off(CHAT, [AlertId(1)], 0.0)
    assert await any_due(database)
    await outbox.back_off(CHAT, "away", 60.0)
    assert not await any_due(database)


async def test_muted_alerts_stay_in_the_ledger(database: Database) -> None:
    """A summary that the crawl's ``on`` leaves out is kept and has no delivery."""
    await _add(database, 1, muted=True)
    await _spread(PostgresOutbox(database))
    assert await _deliveries(database) == []
    assert await value(database, "SELECT count(*) FROM trapline.alert") == 1


async def test_a_second_summary_of_a_run_is_dropped(database: Database) -> None:
    """The unique index keeps a run's summary single when two services write it."""
    draft = AlertDraft(kind=AlertKind.SUMMARY, payload={}, to=())
    for _ in range(2):
        await add_alert(database, draft, crawl="docs", run_id=RunId(1))
    assert await value(database, "SELECT count(*) FROM trapline.alert") == 1


async def test_a_delivery_leaves_with_its_alert(database: Database) -> None:
    """Retention deletes alerts; what was delivered, and when, goes with them. A due delivery has no end."""
    await _about_page(database, 7)
    await _spread(PostgresOutbox(database))
    with pytest.raises(asyncpg.CheckViolationError):
        await database.connection.execute("UPDATE trapline.delivery SET ended_at = now()")
    await database.connection.execute("DELETE FROM trapline.alert")
    assert await _deliveries(database) == []
