"""The outbox: two notifiers never hold one alert at once, and none is lost with its notifier."""

import asyncio

from support.ledger import value
from support.races import Connect
from trapline_common.alerts.page_state import AlertDraft, AlertKind
from trapline_common.domain.ids import RunId
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox, add_alert


async def _add(database: Database, count: int, *, muted: bool = False) -> None:
    for number in range(count):
        draft = AlertDraft(kind=AlertKind.CHANGE, payload={"number": number}, to=("ops",), muted=muted)
        await add_alert(database, draft, crawl="docs", run_id=None)


async def test_two_notifiers_at_once_claim_different_alerts(database: Database, connect: Connect) -> None:
    """Eight notifiers that claim together hold each alert once, and together all of them."""
    await _add(database, 40)
    outboxes = [PostgresOutbox(await connect()) for _ in range(8)]
    claims = await asyncio.gather(*(outbox.claim(10, 60) for outbox in outboxes))
    found = [alert.id for claim in claims for alert in claim]
    assert len(found) == len(set(found))
    found += [alert.id for alert in await outboxes[0].claim(40, 60)]
    assert len(set(found)) == 40


async def test_alerts_come_oldest_first_with_what_they_carry(database: Database) -> None:
    """A claim returns the oldest, in order, with payload and channels."""
    await _add(database, 3)
    first, second = await PostgresOutbox(database).claim(2, 60)
    assert (first.payload, second.payload) == ({"number": 0}, {"number": 1})
    assert (first.to, first.kind, first.crawl, first.attempts) == (("ops",), "change", "docs", 1)


async def test_a_dead_notifiers_alerts_are_handed_out_again(database: Database) -> None:
    """An alert whose hold ran out is claimed again, and its attempts are counted."""
    await _add(database, 1)
    outbox = PostgresOutbox(database)
    assert len(await outbox.claim(5, -1)) == 1
    (again,) = await outbox.claim(5, 60)
    assert again.attempts == 2
    assert await outbox.claim(5, 60) == []


async def test_sent_and_refused_alerts_are_never_handed_out_again(database: Database) -> None:
    """``sent`` and ``refused`` are the end, even for a slow notifier that then says otherwise."""
    await _add(database, 2)
    outbox = PostgresOutbox(database)
    sent, refused = await outbox.claim(2, -1)
    await outbox.mark_sent([sent.id], "message")
    await outbox.refuse([refused.id], "too long\x00")
    await outbox.mark_sent([refused.id], "late")
    await outbox.release([sent.id, refused.id], 0)
    assert await outbox.claim(2, 60) == []
    rows = await database.connection.fetch("SELECT status::text, message_id, reason FROM trapline.alert ORDER BY id")
    assert [tuple(row) for row in rows] == [("sent", "message", None), ("refused", None, "too long\ufffd")]


async def test_a_released_alert_comes_back_after_its_delay(database: Database) -> None:
    """What a channel could not take now is claimed again once the delay has passed, not before."""
    await _add(database, 1)
    outbox = PostgresOutbox(database)
    (alert,) = await outbox.claim(1, 60)
    await outbox.release([alert.id], 60)
    assert await outbox.claim(1, 60) == []
    await outbox.release([alert.id], 0)
    assert [again.id for again in await outbox.claim(1, 60)] == [alert.id]


async def test_muted_alerts_stay_in_the_ledger(database: Database) -> None:
    """A summary that the crawl's ``on`` leaves out is kept and never claimed."""
    await _add(database, 1, muted=True)
    assert await PostgresOutbox(database).claim(1, 60) == []
    assert await value(database, "SELECT count(*) FROM trapline.alert") == 1


async def test_a_second_summary_of_a_run_is_dropped(database: Database) -> None:
    """The unique index keeps a run's summary single when two services write it."""
    draft = AlertDraft(kind=AlertKind.SUMMARY, payload={}, to=())
    for _ in range(2):
        await add_alert(database, draft, crawl="docs", run_id=RunId(1))
    assert await value(database, "SELECT count(*) FROM trapline.alert") == 1
