"""Race: two dispatchers count at once. The lane's lock makes the count exact, the slot index stands behind it."""

import asyncio
from itertools import pairwise

import asyncpg
import pytest

from support.ledger import LANE, make_old, make_ready, one_ready, open_run, urls, value
from support.races import Connect, lane_held
from trapline_common.config.models import LaneConfig
from trapline_common.domain.ids import LaneName
from trapline_common.ledger import lanes, tasks
from trapline_common.ledger.connection import Database

ACTIVE = "SELECT count(*) FROM trapline.invocation WHERE status IN ('created', 'pending', 'ready', 'running')"


async def test_eight_dispatchers_at_once_make_exactly_what_is_missing_in_forty_rounds(
    database: Database, connect: Connect
) -> None:
    """Eight dispatchers that count one lane at once insert what one would have inserted, in every round of forty."""
    lane = LaneConfig(max_invocations=20, tasks_per_invocation=10)
    await open_run(database, urls(37), lane=lane)
    dispatchers = [await connect() for _ in range(8)]
    made = []
    for _ in range(40):
        async with asyncio.TaskGroup() as group, lane_held(database, LANE, until=8):
            plans = [group.create_task(lanes.plan(dispatcher, LANE)) for dispatcher in dispatchers]
        made.append(sum(len(plan.result().created) for plan in plans))
        assert await value(database, ACTIVE) == 4
        await database.connection.execute(
            "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() WHERE status = 'created'"
        )
    assert made == [4] * 40


async def test_the_cap_holds_when_more_is_waiting_than_it_allows(database: Database, connect: Connect) -> None:
    """Dispatchers that want thirty invocations together make the lane's three."""
    await open_run(database, urls(30), lane=LaneConfig(max_invocations=3, tasks_per_invocation=1))
    dispatchers = [await connect() for _ in range(4)]
    plans = await asyncio.gather(*(lanes.plan(dispatcher, LANE) for dispatcher in dispatchers))
    assert sum(len(plan.created) for plan in plans) == 3
    assert (await lanes.plan(database, LANE)).missing == 0


async def test_a_plan_sees_a_lease_that_was_in_flight(database: Database, connect: Connect) -> None:
    """A count that begins while a lease is in flight waits for it: the leased tasks are not counted as waiting."""
    await open_run(database, urls(20), lane=LaneConfig(max_invocations=20, tasks_per_invocation=10))
    held = await one_ready(database)
    other = await connect()
    async with asyncio.TaskGroup() as group, lane_held(database, LANE, until=2):
        leasing = group.create_task(tasks.lease_share(await connect(), held, share=10, another=False))
        planning = group.create_task(lanes.plan(other, LANE))
    assert len(leasing.result()) == 10
    load = planning.result().load
    assert (load.waiting, load.running) in {(10, 1), (20, 0)}


async def test_a_lowered_cap_makes_no_more_until_the_lane_is_below_it(database: Database) -> None:
    """After the cap was lowered below what is active, nothing is made; then only as much as the new cap leaves."""
    await open_run(database, urls(10), lane=LaneConfig(max_invocations=5, tasks_per_invocation=1))
    first = await lanes.plan(database, LANE)
    await lanes.put_lane(database, LANE, LaneConfig(max_invocations=2, tasks_per_invocation=1))
    assert (await lanes.plan(database, LANE)).created == ()
    for invocation in first.created[:4]:
        await database.connection.execute(
            "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() WHERE id = $1", invocation
        )
    assert len((await lanes.plan(database, LANE)).created) == 1


async def test_this_machine_may_lower_the_cap(database: Database) -> None:
    """``at_most`` lowers the lane's cap for one plan."""
    await open_run(database, urls(10), lane=LaneConfig(max_invocations=5, tasks_per_invocation=1))
    assert len((await lanes.plan(database, LANE, at_most=2)).created) == 2


async def test_a_delayed_task_is_not_waiting_yet(database: Database) -> None:
    """A task whose ``run_at`` has not come asks for no invocation."""
    await open_run(database, urls(1))
    await make_old(database, "task", "run_at", -60)
    assert (await lanes.plan(database, LANE)).load.waiting == 0
    assert not await tasks.due(database, LANE)


async def test_an_unknown_lane_plans_nothing(database: Database) -> None:
    """A lane that no config ever named has no limits, and so no invocations."""
    assert (await lanes.plan(database, LaneName("nowhere"))).created == ()


async def test_no_two_active_invocations_share_a_slot(database: Database) -> None:
    """The slot index refuses a second active invocation in a slot from any code."""
    await open_run(database, urls(1))
    await lanes.plan(database, LANE)
    with pytest.raises(asyncpg.UniqueViolationError, match="invocation_slot"):
        await database.connection.execute("INSERT INTO trapline.invocation (lane, slot) VALUES ($1, 1)", LANE)


async def test_hop_is_kept(database: Database) -> None:
    """The hop of the message that led to a plan travels with each invocation."""
    await open_run(database, urls(1))
    planned = await lanes.plan(database, LANE, hop=3)
    assert (await make_ready(database, planned.created[0])).hop == 3


async def test_another_share_is_taken_only_if_more_waits_than_the_idle_will_take(database: Database) -> None:
    """With one idle invocation and one share left, a running one takes no further share; with two left it does."""
    await open_run(database, urls(6), lane=LaneConfig(max_invocations=9, tasks_per_invocation=2))
    planned = await lanes.plan(database, LANE)
    held = await make_ready(database, planned.created[0])
    assert len(await tasks.lease_share(database, held, share=2, another=False)) == 2
    assert len(planned.created) == 3
    assert await tasks.lease_share(database, held, share=2, another=True) == []
    await make_ready(database, planned.created[1])
    await database.connection.execute(
        "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() WHERE id = $1", planned.created[2]
    )
    assert len(await tasks.lease_share(database, held, share=2, another=True)) == 2


async def test_invocations_lease_different_tasks(database: Database, connect: Connect) -> None:
    """Eight invocations that lease at once never hold one task twice, and together hold them all."""
    await open_run(database, urls(80), lane=LaneConfig(max_invocations=8, tasks_per_invocation=10))
    planned = await lanes.plan(database, LANE)
    held = [await make_ready(database, invocation) for invocation in planned.created]
    clients = [await connect() for _ in held]
    async with asyncio.TaskGroup() as group, lane_held(database, LANE, until=8):
        shares = [
            group.create_task(tasks.lease_share(client, one, share=10, another=False))
            for client, one in zip(clients, held, strict=True)
        ]
    found = [task.lease.task_id for share in shares for task in share.result()]
    assert len(found) == len(set(found)) == 80


async def test_the_important_comes_first(database: Database) -> None:
    """A share is the lane's due tasks by priority, then by how long they have been due."""
    run = await open_run(database, urls(3))
    await database.connection.execute("UPDATE trapline.task SET priority = 5 WHERE run_id = $1 AND url LIKE '%/2'", run)
    leased = await tasks.lease_share(database, await one_ready(database), share=3, another=False)
    assert [task.url[-1] for task in leased] == ["2", "0", "1"]
    assert all(one.lease.seq == two.lease.seq == 1 for one, two in pairwise(leased))
