"""Races between those who ask Lambda for an invocation, Lambda itself, and the invocation that starts."""

import asyncio
import uuid

import pytest

from support.ledger import LANE, complete, location, make_old, make_ready, one_ready, open_run, status_of, urls, value
from support.races import Connect, lane_held
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, OwnerToken
from trapline_common.ledger import invocations, lanes, rescue, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held

STATUS = "SELECT status::text FROM trapline.invocation WHERE id = $1"


async def _planned(database: Database) -> InvocationId:
    await open_run(database, urls(2))
    return (await lanes.plan(database, LANE)).created[0]


async def _become_ready(database: Database, invocation_id: InvocationId, request_id: str) -> Held | None:
    return await invocations.become_ready(
        database, invocation_id, owner=OwnerToken(uuid.uuid4()), request_id=request_id, process_name="test"
    )


async def test_pending_after_ready_changes_nothing(database: Database) -> None:
    """Race: the crawler's ``ready`` lands before the dispatcher's ``pending``, which then has no effect."""
    invocation_id = await _planned(database)
    await make_ready(database, invocation_id)
    assert not await invocations.mark_pending(database, invocation_id)
    assert await value(database, STATUS, invocation_id) == "ready"


async def test_pending_before_ready_is_kept_until_ready(database: Database) -> None:
    """The usual order: Lambda accepts, ``pending``; the function starts, ``ready``."""
    invocation_id = await _planned(database)
    assert await invocations.mark_pending(database, invocation_id)
    assert await value(database, STATUS, invocation_id) == "pending"
    await make_ready(database, invocation_id)
    assert await value(database, STATUS, invocation_id) == "ready"


async def test_what_was_never_asked_for_is_found_and_asked_again(database: Database) -> None:
    """Race: a crash before Invoke. The row is claimed at once, with the same id."""
    invocation_id = await _planned(database)
    assert await invocations.unasked(database) == [invocation_id]
    claim = await invocations.claim_asking(database, invocation_id)
    assert claim is not None
    assert claim.invocation_id == invocation_id


async def test_a_lost_answer_is_asked_for_again_once_it_is_old(database: Database) -> None:
    """Race: the response is lost, or a crash after the 202. Both look like an old claim, and are claimed again."""
    invocation_id = await _planned(database)
    assert await invocations.claim_asking(database, invocation_id) is not None
    assert await invocations.unasked(database) == []
    assert await invocations.claim_asking(database, invocation_id) is None
    await make_old(database, "invocation", "asked_at", invocations.ASK_AGAIN_AFTER + 1)
    assert await invocations.unasked(database) == [invocation_id]
    assert await invocations.claim_asking(database, invocation_id) is not None


async def test_of_a_slow_dispatcher_and_the_reaper_only_one_asks(database: Database, connect: Connect) -> None:
    """Race: eight claim the same Invoke at once, when it is new and again when it is old; one wins each time."""
    invocation_id = await _planned(database)
    askers = [await connect() for _ in range(8)]
    for _ in range(5):
        claims = await asyncio.gather(*(invocations.claim_asking(asker, invocation_id) for asker in askers))
        assert sum(claim is not None for claim in claims) == 1
        await make_old(database, "invocation", "asked_at", invocations.ASK_AGAIN_AFTER + 1)


async def test_an_accepted_event_is_not_asked_for_again(database: Database) -> None:
    """``pending`` is beyond asking: no dispatcher claims it, however long it takes to start."""
    invocation_id = await _planned(database)
    await invocations.claim_asking(database, invocation_id)
    await invocations.mark_pending(database, invocation_id)
    await make_old(database, "invocation", "asked_at", 3600)
    assert await invocations.claim_asking(database, invocation_id) is None


async def test_an_event_delivered_twice_starts_one(database: Database, connect: Connect) -> None:
    """Race: of eight deliveries of one event, at once, one becomes ready; the others end without work, counted."""
    invocation_id = await _planned(database)
    deliveries = [await connect() for _ in range(8)]
    async with asyncio.TaskGroup() as group, lane_held(database, LANE, until=8):
        starts = [
            group.create_task(_become_ready(delivery, invocation_id, str(number)))
            for number, delivery in enumerate(deliveries)
        ]
    assert sum(start.result() is not None for start in starts) == 1
    assert await value(database, "SELECT duplicates FROM trapline.invocation WHERE id = $1", invocation_id) == 7


async def test_an_event_delivered_after_orphaned_does_nothing(database: Database) -> None:
    """Race: the event comes after the reaper gave up on it; the delivery is refused and counted."""
    invocation_id = await _planned(database)
    await invocations.mark_pending(database, invocation_id)
    await make_old(database, "invocation", "pending_at", rescue.PENDING_TTL + 1)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == (invocation_id,)
    assert await _become_ready(database, invocation_id, "late") is None
    assert await value(database, STATUS, invocation_id) == "orphaned"
    assert await value(database, "SELECT duplicates FROM trapline.invocation WHERE id = $1", invocation_id) == 1


async def test_an_unknown_invocation_never_starts(database: Database) -> None:
    """An event with an id that the ledger does not hold gets no work."""
    assert await _become_ready(database, InvocationId(uuid.uuid4()), "request") is None


async def test_a_stolen_id_is_not_an_owner(database: Database) -> None:
    """Only the token that won ``-> ready`` beats, leases and ends; the same id with another token is refused."""
    held = await one_ready(database) if await open_run(database, urls(1)) else None
    assert held is not None
    thief = Held(
        invocation_id=held.invocation_id,
        owner=OwnerToken(uuid.uuid4()),
        lane=LANE,
        hop=0,
        tasks_per_invocation=1,
        pages_in_flight=1,
        host_delay=0,
        host_concurrency=None,
    )
    with pytest.raises(LeaseLostError):
        await invocations.heartbeat(database, thief)
    with pytest.raises(LeaseLostError):
        await tasks.lease_share(database, thief, share=1, another=False)
    assert not await invocations.terminate_ready(database, thief, "nothing")
    assert not await rescue.fail_own(database, thief, reason="error", location=location)
    await invocations.heartbeat(database, held)


async def test_a_duplicates_failure_record_does_not_fail_its_twin(database: Database) -> None:
    """Race: a duplicate's failure-queue record comes while its twin runs; only the stored request id fails the row."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    report = rescue.fail_reported
    assert not await report(
        database, held.invocation_id, request_id="twin", reason="EventAge", silent_for=0, location=location
    )
    assert await status_of(database, held) == "running"
    await complete(database, task)
    assert await report(
        database, held.invocation_id, request_id="request", reason="crash", silent_for=0, location=location
    )
    assert await status_of(database, held) == "failed"


async def test_a_failure_record_is_believed_when_the_heartbeats_have_stopped(database: Database) -> None:
    """Race: an event comes twice under one request id, and one delivery dies: its record fails nobody who beats."""
    await open_run(database, urls(2))
    held = await one_ready(database)
    await tasks.lease_share(database, held, share=1, another=False)

    async def report() -> bool:
        return await rescue.fail_reported(
            database, held.invocation_id, request_id="request", reason="x", silent_for=10, location=location
        )

    await make_old(database, "invocation", "heartbeat_at", 9.5)
    assert not await report()
    assert await status_of(database, held) == "running"
    await make_old(database, "invocation", "heartbeat_at", 0.5)
    assert await report()
    assert await status_of(database, held) == "failed"


async def test_a_failure_record_of_an_execution_that_rests_is_believed_at_once(database: Database) -> None:
    """Its sign of life is one of the future, and no process is there that it could belong to."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    await make_old(database, "invocation", "heartbeat_at", -60)
    assert await rescue.fail_reported(
        database, held.invocation_id, request_id="request", reason="x", silent_for=10, location=location
    )


async def test_a_failure_record_of_what_never_started_fails_it(database: Database) -> None:
    """Lambda dropped the event: the row is still ``created`` or ``pending``, so any request id fails it."""
    invocation_id = await _planned(database)
    assert await rescue.fail_reported(
        database, invocation_id, request_id="x", reason="too old\x00", silent_for=0, location=location
    )
    assert await value(database, STATUS, invocation_id) == "failed"
    unknown = InvocationId(uuid.uuid4())
    assert not await rescue.fail_reported(database, unknown, request_id="x", reason="", silent_for=0, location=location)


async def test_a_failure_record_gives_the_tasks_back(database: Database) -> None:
    """What the failed invocation held waits again, and the next count asks for a new invocation."""
    await open_run(database, urls(2))
    held = await one_ready(database)
    assert len(await tasks.lease_share(database, held, share=2, another=False)) == 2
    assert await rescue.fail_reported(
        database, held.invocation_id, request_id="request", reason="x", silent_for=0, location=location
    )
    planned = await lanes.plan(database, LANE)
    assert (planned.load.waiting, len(planned.created)) == (2, 1)
