"""Each of an invocation's eight statuses is reached, by the one whom DESIGN's table names."""

import pytest

from support.ledger import LANE, complete, location, make_old, make_ready, one_ready, open_run, status_of, urls, value
from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.ledger import invocations, lanes, rescue, runs, tasks
from trapline_common.ledger.connection import Database


async def _created(database: Database) -> str:
    return str((await lanes.plan(database, LANE)).created[0])


async def _pending(database: Database) -> str:
    (invocation,) = (await lanes.plan(database, LANE)).created
    assert await invocations.mark_pending(database, invocation)
    return str(invocation)


async def _ready(database: Database) -> str:
    return str((await one_ready(database)).invocation_id)


async def _running(database: Database) -> str:
    held = await one_ready(database)
    assert await tasks.lease_share(database, held, share=1, another=False)
    return str(held.invocation_id)


async def _succeeded(database: Database) -> str:
    held = await one_ready(database)
    (task,) = await tasks.lease_share(database, held, share=1, another=False)
    assert not await invocations.succeed(database, held)
    await complete(database, task)
    assert await invocations.succeed(database, held)
    return str(held.invocation_id)


async def _failed(database: Database) -> str:
    (invocation,) = (await lanes.plan(database, LANE)).created
    assert await invocations.mark_refused(database, invocation, detail="AccessDenied\x00\ud800")
    return str(invocation)


async def _orphaned(database: Database) -> str:
    held = await one_ready(database)
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == (held.invocation_id,)
    return str(held.invocation_id)


async def _terminated(database: Database) -> str:
    held = await one_ready(database)
    assert await invocations.terminate_ready(database, held, "nothing was left to lease")
    return str(held.invocation_id)


WAYS = {
    InvocationStatus.CREATED: _created,
    InvocationStatus.PENDING: _pending,
    InvocationStatus.READY: _ready,
    InvocationStatus.RUNNING: _running,
    InvocationStatus.SUCCEEDED: _succeeded,
    InvocationStatus.FAILED: _failed,
    InvocationStatus.ORPHANED: _orphaned,
    InvocationStatus.TERMINATED: _terminated,
}


@pytest.mark.parametrize("status", InvocationStatus)
async def test_every_status_is_reached(database: Database, status: InvocationStatus) -> None:
    """The ledger's own calls lead an invocation to this status."""
    await open_run(database, urls(1))
    invocation = await WAYS[status](database)
    found = await value(database, "SELECT status::text FROM trapline.invocation WHERE id::text = $1", invocation)
    assert found == status


async def test_a_crawler_that_fails_gives_its_tasks_back(database: Database) -> None:
    """``failed`` by the crawler itself: what it held is waiting again."""
    await open_run(database, urls(1))
    held = await one_ready(database)
    await tasks.lease_share(database, held, share=1, another=False)
    assert await rescue.fail_own(database, held, reason="the browser does not start", location=location)
    assert not await rescue.fail_own(database, held, reason="again", location=location)
    assert await status_of(database, held) == "failed"
    assert (await lanes.plan(database, LANE)).load.waiting == 1


async def test_an_operators_cancel_terminates_a_running_one(database: Database) -> None:
    """``terminated`` by an operator, once its crawler has ended: its tasks end ``failed``, reason ``cancelled``."""
    run_id = await open_run(database, urls(1))
    held = await one_ready(database)
    await tasks.lease_share(database, held, share=1, another=False)
    assert await runs.cancel(database, run_id) == 1
    assert await invocations.end_cancelled(database, held)
    assert await status_of(database, held) == "terminated"
    row = await database.connection.fetchrow("SELECT status::text, reason FROM trapline.task")
    assert row is not None
    assert tuple(row) == ("failed", "cancelled")


async def test_one_that_hands_everything_back_succeeds(database: Database) -> None:
    """At its deadline an invocation hands back what it has not started, uncharged, and ends ``succeeded``."""
    await open_run(database, urls(3))
    held = await one_ready(database)
    leased = await tasks.lease_share(database, held, share=3, another=False)
    await tasks.hand_back_one(database, leased[0].lease)
    assert await tasks.hand_back(database, held) == 2
    assert await invocations.succeed(database, held, "deadline")
    assert await value(database, "SELECT sum(rescues + attempts) FROM trapline.task WHERE status = 'created'") == 0


async def test_only_what_stopped_beating_is_orphaned(database: Database) -> None:
    """A reap leaves alone what beats, and what may still start."""
    await open_run(database, urls(2))
    held = await make_ready(database, (await lanes.plan(database, LANE)).created[0])
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    await make_old(database, "invocation", "created_at", rescue.PENDING_TTL + 1)
    await invocations.heartbeat(database, held)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == ()
