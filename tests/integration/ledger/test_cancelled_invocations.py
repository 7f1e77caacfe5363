"""A cancelled invocation counts, and keeps its hosts' slots, until its process has ended or its time is over."""

import pytest

from support.ledger import LANE, location, make_old, one_ready, open_run, status_of, urls, value
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import RunId
from trapline_common.ledger import hosts, invocations, lanes, rescue, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.tasks import LeasedTask

ONE = LaneConfig(max_invocations=1, tasks_per_invocation=10, host_concurrency=1)
HOST = "site.example"


async def _cancelled(database: Database, *, turn: bool = False) -> Held:
    """Cancel a run whose one invocation holds its tasks, and open the next; return the invocation."""
    run_id = await open_run(database, urls(3), lane=ONE)
    held = await one_ready(database)
    first, *_ = await tasks.lease_share(database, held, share=10, another=False)
    if turn:
        assert await _takes_turn(database, first)
    assert await runs.cancel(database, run_id) == 3
    await open_run(database, urls(3), lane=ONE)
    return held


async def _takes_turn(database: Database, task: LeasedTask) -> bool:
    turn = await hosts.take_turn(database, task.lease, lane=LANE, host=HOST, delay=0.0, slots=1, patience=1.0)
    return turn.taken


async def _made(database: Database) -> int:
    return len((await lanes.plan(database, LANE)).created)


async def test_a_cancelled_invocation_keeps_its_slot_until_it_has_ended(database: Database) -> None:
    """The next run's count makes none beside a crawler that may still load pages; and one when that said its end."""
    held = await _cancelled(database)
    assert await _made(database) == 0
    assert (await lanes.plan(database, LANE)).load.running == 1
    assert await invocations.end_cancelled(database, held)
    assert not await invocations.end_cancelled(database, held)
    assert await status_of(database, held) == "terminated"
    assert await value(database, "SELECT reason FROM trapline.invocation WHERE status = 'terminated'") == "cancelled"
    assert await _made(database) == 1


async def test_one_that_never_says_its_end_keeps_its_slot_for_its_time_to_live(database: Database) -> None:
    """A reap before that time leaves it alone; the first one after it ends it, as cancelled and not as orphaned."""
    held = await _cancelled(database)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == ()
    assert await _made(database) == 0
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    assert (await rescue.reap_lane(database, LANE, location=location)).orphaned == (held.invocation_id,)
    assert await status_of(database, held) == "terminated"
    assert await _made(database) == 1


async def test_a_cancelled_invocation_is_told_by_whatever_it_asks(database: Database) -> None:
    """No heartbeat and no lease is its own any more, though tasks wait; and it can't end as if it had succeeded."""
    held = await _cancelled(database)
    with pytest.raises(LeaseLostError):
        await invocations.heartbeat(database, held)
    with pytest.raises(LeaseLostError):
        await tasks.lease_share(database, held, share=10, another=True)
    assert not await invocations.succeed(database, held)
    assert await status_of(database, held) == "running"


async def test_another_owner_cant_end_a_cancelled_invocation(database: Database) -> None:
    """A duplicate's process knows no token, so the slot stays with the process that has the pages open."""
    held = await _cancelled(database)
    other = Held(**{name: getattr(held, name) for name in Held.__slots__} | {"owner": held.invocation_id})
    assert not await invocations.end_cancelled(database, other)
    assert await _made(database) == 0


async def _next_task(database: Database) -> LeasedTask:
    """Let an invocation beside the cancelled one lease: the lane's cap was raised meanwhile, its slots were not."""
    await lanes.put_lane(database, LANE, ONE.model_copy(update={"max_invocations": 2}))
    beside = await one_ready(database)
    task, *_ = await tasks.lease_share(database, beside, share=1, another=False)
    return task


async def test_a_cancelled_visit_keeps_its_hosts_slot_until_its_invocation_has_ended(database: Database) -> None:
    """The page may still be open in its browser: the next run's visit of the host waits for that."""
    held = await _cancelled(database, turn=True)
    task = await _next_task(database)
    assert not await _takes_turn(database, task)
    assert await invocations.end_cancelled(database, held)
    assert await _takes_turn(database, task)


async def test_a_cancelled_visit_of_one_that_works_on_gives_its_slot_back_when_it_ends(database: Database) -> None:
    """An invocation that holds tasks of two runs goes on; its cancelled visit's slot is free when it says so."""
    doomed: RunId = await open_run(database, urls(1), lane=ONE)
    other = "https://other.example/"
    await open_run(database, [other], lane=ONE, crawl=CrawlConfig(name="other", urls=(other,)))
    held = await one_ready(database)
    first, _ = await tasks.lease_share(database, held, share=10, another=False)
    assert await _takes_turn(database, first)
    assert await runs.cancel(database, doomed) == 1
    await open_run(database, urls(1), lane=ONE)
    task = await _next_task(database)
    assert not await _takes_turn(database, task)
    await hosts.leave(database, first.lease)
    assert await _takes_turn(database, task)
    assert await status_of(database, held) == "running"
