"""Waves: rows that an execution calls. Races between those who ask for them, and what an execution leaves behind."""

import asyncio
from uuid import UUID, uuid4

from support.ledger import LANE, make_old, make_ready, open_run, urls, value
from support.races import Connect, until_blocked
from trapline_common.config.models import CrawlConfig, LaneConfig, Orchestrator
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.via import Via
from trapline_common.ledger import invocations, lanes, rescue, waves
from trapline_common.ledger.connection import Database

MAPPED = LaneConfig(max_invocations=3, tasks_per_invocation=1, orchestrator=Orchestrator.STEP_FUNCTIONS)
QUEUED = MAPPED.model_copy(update={"queue": True})
ROWS = "SELECT id, status::text, asks, wave FROM trapline.invocation ORDER BY slot"


async def _planned(database: Database, lane: LaneConfig = MAPPED, pages: int = 3) -> list[InvocationId]:
    await open_run(database, urls(pages), lane=lane)
    return list((await lanes.plan(database, LANE)).created)


async def test_a_row_keeps_the_way_that_it_was_made_with(database: Database) -> None:
    """The lane is switched with rows there: they are asked for as before, and those that come later in the new way."""
    before = await _planned(database, QUEUED)
    assert await lanes.change_lane(database, LANE, MAPPED.on_one_machine.model_copy(update={"max_invocations": 4}))
    assert not await lanes.change_lane(database, LANE, MAPPED.on_one_machine.model_copy(update={"max_invocations": 4}))
    other = CrawlConfig(name="other", urls=tuple(urls(9)))
    await open_run(database, urls(9), lane=MAPPED.model_copy(update={"max_invocations": 4}), crawl=other)
    after = list((await lanes.plan(database, LANE)).created)
    found = {way.invocation_id: way.via for way in await waves.ways(database, [*before, *after])}
    assert found == dict.fromkeys(before, Via.QUEUE) | dict.fromkeys(after, Via.MAP)


async def test_asked_again_a_row_keeps_its_executions_name(database: Database) -> None:
    """The start's answer was lost: whoever asks again asks for the same execution, which is started once."""
    ids = await _planned(database)
    first = uuid4()
    items = await waves.claim(database, LANE, ids, wave=first)
    assert {item.invocation_id for item in items} == set(ids)
    assert await waves.claim(database, LANE, ids, wave=uuid4()) == []
    await make_old(database, "invocation", "asked_at", 21)
    again = await waves.claim(database, LANE, ids, wave=uuid4())
    assert {item.wave for item in again} == {first}
    assert await value(database, "SELECT sum(asks) FROM trapline.invocation") == 2 * len(ids)


async def test_of_two_that_claim_the_same_rows_one_gets_them(database: Database, connect: Connect) -> None:
    """Race: a slow dispatcher and the tick. Each row is claimed by one of them, all in one execution."""
    ids = await _planned(database)
    holder = await connect()
    async with holder.transaction():
        await holder.connection.execute("SELECT FROM trapline.invocation FOR UPDATE")
        claims = [
            asyncio.create_task(waves.claim(await connect(), LANE, list(order), wave=uuid4()))
            for order in (ids, reversed(ids))
        ]
        await until_blocked(database, 2)
    found = await asyncio.gather(*claims)
    assert sorted(map(len, found)) == [0, len(ids)]


async def test_a_row_of_another_way_is_no_executions(database: Database) -> None:
    """An execution is given no row that an Invoke asks for."""
    ids = await _planned(database, MAPPED.on_one_machine)
    assert await waves.claim(database, LANE, ids, wave=uuid4()) == []


async def test_the_start_makes_pending_what_is_not_ready(database: Database) -> None:
    """Race: a child calls before the dispatcher has noted that the execution is started."""
    ids = await _planned(database)
    await waves.claim(database, LANE, ids, wave=uuid4())
    await make_ready(database, ids[0])
    await waves.mark_pending(database, LANE, ids)
    assert [row[1] for row in await _rows(database)] == ["ready", "pending", "pending"]


async def test_what_an_execution_left_uncalled_is_counted_anew(database: Database) -> None:
    """It was stopped: rows without a process end now, and not after 330 s; the one that works goes on."""
    ids = await _planned(database)
    wave = uuid4()
    await waves.claim(database, LANE, ids, wave=wave)
    await waves.mark_pending(database, LANE, ids[:2])
    held = await make_ready(database, ids[0])
    assert await waves.give_up(database, wave, status="ABORTED") == (LANE, 2)
    assert await waves.give_up(database, wave, status="ABORTED") is None
    assert [row[1] for row in await _rows(database)] == ["ready", "orphaned", "orphaned"]
    assert await value(database, "SELECT DISTINCT detail FROM trapline.invocation WHERE reason LIKE 'its exec%'")
    await invocations.heartbeat(database, held)
    late = await invocations.become_ready(
        database, ids[1], owner=held.owner, request_id="late", process_name="test", delivery="child"
    )
    assert late is None
    planned = await lanes.plan(database, LANE)
    assert planned.missing == 2


async def test_a_child_is_given_one_invocation_more_and_the_same_when_it_asks_again(database: Database) -> None:
    """The answer was lost: the child that repeats its question gets the row that was made for it."""
    await open_run(database, urls(3), lane=MAPPED)
    wave = uuid4()
    first = await waves.next_item(database, LANE, wave=wave, delivery="child-1")
    again = await waves.next_item(database, LANE, wave=wave, delivery="child-1")
    other = await waves.next_item(database, LANE, wave=wave, delivery="child-2")
    assert first is not None
    assert first == again
    assert other is not None
    assert other.invocation_id != first.invocation_id
    assert {(row[1], row[2], row[3]) for row in await _rows(database)} == {("pending", 1, wave)}
    assert await invocations.unasked(database) == []
    await make_ready(database, InvocationId(first.invocation_id))
    third = await waves.next_item(database, LANE, wave=wave, delivery="child-1")
    assert third is not None
    assert await waves.next_item(database, LANE, wave=wave, delivery="child-3") is None
    assert len(await _rows(database)) == 3


async def test_a_child_of_a_lane_that_was_switched_gets_none(database: Database) -> None:
    """The lane is asked for in another way by now: the execution ends, and counts again."""
    await open_run(database, urls(3), lane=MAPPED)
    await lanes.change_lane(database, LANE, MAPPED.on_one_machine)
    assert await waves.next_item(database, LANE, wave=uuid4(), delivery="child-1") is None
    assert await _rows(database) == []


async def test_a_reported_delivery_fails_its_row_and_no_twin(database: Database) -> None:
    """The child that called reports an error: its own delivery fails at once, and another child's does not."""
    ids = await _planned(database)
    held = await invocations.become_ready(
        database, ids[0], owner=_owner(), request_id="one", process_name="test", delivery="child-1"
    )
    assert held is not None
    lost = {"request_id": None, "reason": "Runtime.ExitError", "silent_for": 0, "location": str}
    assert not await rescue.fail_reported(database, ids[0], delivery="child-2", **lost)
    assert not await rescue.fail_reported(database, ids[0], **lost)
    assert await rescue.fail_reported(database, ids[0], delivery="child-1", **lost)
    assert [row[1] for row in await _rows(database)] == ["failed", "created", "created"]


def _owner() -> UUID:
    return uuid4()


async def _rows(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await database.connection.fetch(ROWS)]
