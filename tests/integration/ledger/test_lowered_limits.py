"""A lane's limits bind as they are now: what is above a lowered cap gets no work, and hosts see no old limit."""

from random import Random

import pytest

from support.ledger import LANE, all_ready, location, make_ready, one_ready, open_run, status_of, urls, value
from trapline_common.config.models import LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, LaneName, OwnerToken
from trapline_common.ledger import hosts, invocations, lanes, rescue, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.tasks import LeasedTask

ACTIVE = "('created', 'pending', 'ready', 'running')"
ABOVE = f"SELECT slot FROM trapline.invocation WHERE status IN {ACTIVE} AND trapline.above_cap(lane, slot) ORDER BY 1"


def _lane(cap: int, **more: float | None) -> LaneConfig:
    return LaneConfig.model_validate({"max_invocations": cap, "tasks_per_invocation": 1, **more})


async def _lower(database: Database, cap: int = 1) -> None:
    await lanes.put_lane(database, LANE, _lane(cap))


async def _become_ready(database: Database, invocation: InvocationId) -> invocations.Held | None:
    owner = OwnerToken(invocation)
    return await invocations.become_ready(database, invocation, owner=owner, request_id="request", process_name="test")


async def test_what_is_above_a_lowered_cap_is_not_asked_for(database: Database) -> None:
    """Of eight rows whose Invoke failed, one is asked for again after the cap fell to one."""
    await open_run(database, urls(8), lane=_lane(8))
    created = (await lanes.plan(database, LANE)).created
    await _lower(database)
    assert len(await invocations.unasked(database)) == 1
    assert [await invocations.claim_asking(database, one) is not None for one in created].count(True) == 1


async def test_an_event_that_comes_for_a_row_above_the_cap_ends_it(database: Database) -> None:
    """Eight events were accepted before the cap fell to two: two crawlers become ready, six rows end without work."""
    await open_run(database, urls(8), lane=_lane(8))
    for invocation in (await lanes.plan(database, LANE)).created:
        assert await invocations.mark_pending(database, invocation)
    await _lower(database, 2)
    ids = [
        row["id"] for row in await database.connection.fetch("SELECT id FROM trapline.invocation ORDER BY slot DESC")
    ]
    won = [held for one in ids if (held := await _become_ready(database, one)) is not None]
    assert len(won) == 2
    assert [len(await tasks.lease_share(database, held, share=1, another=False)) for held in won] == [1, 1]
    ended = "SELECT count(*) FROM trapline.invocation WHERE status = 'terminated' AND reason = $1 AND duplicates = 0"
    assert await value(database, ended, invocations.ABOVE_CAP) == 6


async def test_a_count_ends_what_a_lowered_cap_left_without_a_process(database: Database) -> None:
    """So no crawler leaves tasks to invocations that are never asked for; the count itself makes none."""
    await open_run(database, urls(8), lane=_lane(4))
    first, *rest = (await lanes.plan(database, LANE)).created
    held = await make_ready(database, first)
    await _lower(database)
    planned = await lanes.plan(database, LANE)
    assert (planned.created, planned.above_cap) == ((), 3)
    assert await lanes.trim(database, LANE) == len(rest)
    assert (await lanes.plan(database, LANE)).above_cap == 0
    assert len(await tasks.lease_share(database, held, share=1, another=False)) == 1
    assert len(await tasks.lease_share(database, held, share=1, another=True)) == 1


async def test_a_running_one_above_the_cap_gets_no_share_and_learns_it(database: Database) -> None:
    """Ready or running, first share or further: nothing is leased above the cap, and the next heartbeat says why."""
    await open_run(database, urls(9), lane=_lane(3))
    held = await all_ready(database)
    assert len(await tasks.lease_share(database, held[2], share=1, another=False)) == 1
    await _lower(database)
    shares = [len(await tasks.lease_share(database, one, share=1, another=one is held[2])) for one in held]
    assert sorted(shares) == [0, 0, 1]
    assert sorted([(await invocations.heartbeat(database, one)).above_cap for one in held]) == [False, True, True]


async def test_as_those_below_it_end_one_above_the_cap_may_go_on(database: Database) -> None:
    """Exactly those beyond the cap are above it, whichever slots are left: two at a cap of two are none too many."""
    await open_run(database, urls(9), lane=_lane(4))
    held = await all_ready(database)
    await _lower(database, 2)
    assert [row["slot"] for row in await database.connection.fetch(ABOVE)] == [3, 4]
    by_slot = {await _slot(database, one): one for one in held}
    for slot in (1, 2):
        assert await invocations.terminate_ready(database, by_slot[slot], "nothing was left to lease")
    assert await database.connection.fetch(ABOVE) == []
    assert len(await tasks.lease_share(database, by_slot[4], share=1, another=False)) == 1


async def _slot(database: Database, held: invocations.Held) -> int:
    return int(await value(database, "SELECT slot FROM trapline.invocation WHERE id = $1", held.invocation_id))


async def test_exactly_those_beyond_the_cap_are_above_it(database: Database) -> None:
    """Whatever ended and whichever way the cap was moved: as many as the cap are left to work, or all there are."""
    chance = Random(5)
    await open_run(database, urls(60), lane=_lane(12))
    for _ in range(30):
        await _lower(database, chance.randint(1, 12))
        await lanes.plan(database, LANE)
        await database.connection.execute(
            f"UPDATE trapline.invocation SET status = 'terminated', ended_at = now() "
            f"WHERE status IN {ACTIVE} AND slot % $1::int = 0",
            chance.randint(2, 6),
        )
        cap = await value(database, "SELECT max_invocations FROM trapline.lane")
        active = await value(database, f"SELECT count(*) FROM trapline.invocation WHERE status IN {ACTIVE}")
        assert len(await database.connection.fetch(ABOVE)) == max(0, active - cap)


async def test_a_cap_that_rises_again_takes_nothing_away(database: Database) -> None:
    """Lowered by mistake and put right before a heartbeat: the crawlers never notice."""
    await open_run(database, urls(9), lane=_lane(3))
    held = await all_ready(database)
    await _lower(database)
    await _lower(database, 3)
    assert not any([(await invocations.heartbeat(database, one)).above_cap for one in held])
    assert [len(await tasks.lease_share(database, one, share=1, another=False)) for one in held] == [1, 1, 1]


async def test_one_that_is_both_above_the_cap_and_orphaned_is_told_the_worse(database: Database) -> None:
    """A lease of an invocation that was taken away is refused, above the cap or not."""
    await open_run(database, urls(9), lane=_lane(2))
    held = await all_ready(database)
    await _lower(database)
    assert len((await rescue.reap_lane(database, LANE, location=location, heartbeat_ttl=-1)).orphaned) == 2
    for one in held:
        with pytest.raises(LeaseLostError):
            await tasks.lease_share(database, one, share=1, another=False)
        assert await status_of(database, one) == "orphaned"


async def test_a_heartbeat_brings_the_lanes_limits(database: Database) -> None:
    """Every limit that a crawler goes by reaches the ones that run with their next heartbeat."""
    await open_run(database, urls(1), lane=_lane(1))
    held = await one_ready(database)
    limits = {"tasks_per_invocation": 7, "pages_in_flight": 2, "host_delay": 3.0, "host_concurrency": 4}
    await lanes.put_lane(database, LANE, _lane(1, **limits))
    now = (await invocations.heartbeat(database, held)).held
    assert {name: getattr(now, name) for name in limits} == limits
    assert (now.invocation_id, now.owner, now.lane) == (held.invocation_id, held.owner, held.lane)


async def _two(database: Database) -> list[LeasedTask]:
    await open_run(database, urls(2), lane=LaneConfig(max_invocations=1, tasks_per_invocation=2))
    return await tasks.lease_share(database, await one_ready(database), share=2, another=False)


async def _turn(database: Database, task: LeasedTask, *, delay: float, slots: int | None) -> hosts.Turn:
    return await hosts.take_turn(
        database, task.lease, lane=LANE, host="site.example", delay=delay, slots=slots, patience=100.0
    )


@pytest.mark.parametrize("known", [None, 2], ids=["no limit", "two"])
async def test_fewer_slots_of_a_host_bind_those_that_know_of_more(database: Database, known: int | None) -> None:
    """A crawler that became ready before the limit, or with a higher one, gets no second slot under the lower one."""
    first, second = await _two(database)
    await lanes.put_lane(database, LANE, _lane(1, host_concurrency=1))
    assert (await _turn(database, first, delay=0.0, slots=known)).taken
    assert not (await _turn(database, second, delay=0.0, slots=known)).taken


async def test_a_raised_delay_counts_from_the_last_turn(database: Database) -> None:
    """The next turn is the new delay after the one before, also for a crawler that knows the old delay alone."""
    first, second = await _two(database)
    await lanes.put_lane(database, LANE, _lane(1, host_delay=1.0))
    assert (await _turn(database, first, delay=1.0, slots=None)).taken
    await lanes.put_lane(database, LANE, _lane(1, host_delay=60.0))
    turn = await _turn(database, second, delay=1.0, slots=None)
    assert turn.taken
    assert turn.wait == pytest.approx(60, abs=2)


async def test_a_known_lanes_limits_change_without_a_run_and_no_lane_is_made(database: Database) -> None:
    """``change_lane`` says whether it changed anything."""
    await open_run(database, urls(1), lane=_lane(3))
    assert await lanes.change_lane(database, LANE, _lane(2))
    assert not await lanes.change_lane(database, LANE, _lane(2))
    assert not await lanes.change_lane(database, LaneName("unknown"), _lane(2))
    assert await value(database, "SELECT max_invocations FROM trapline.lane") == 2
