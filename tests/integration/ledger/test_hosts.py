"""Politeness is held by the ledger: turns, slots and back-offs of a host are the same for all invocations."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from support.ledger import LANE, complete, make_old, one_ready, open_run, urls, value
from support.races import Connect
from trapline_common.config.models import LaneConfig
from trapline_common.domain.ids import LaneName
from trapline_common.ledger import hosts, rescue, robots, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.tasks import LeasedTask

HOST = "site.example"
PROBE = 30.0


async def _leased(database: Database, count: int) -> list[LeasedTask]:
    await open_run(database, urls(count), lane=LaneConfig(max_invocations=1, tasks_per_invocation=count))
    return await tasks.lease_share(database, await one_ready(database), share=count, another=False)


async def _turn(
    database: Database,
    task: LeasedTask,
    *,
    delay: float = 0.0,
    slots: int | None = None,
    patience: float = 100.0,
    host: str = HOST,
    lane: str = LANE,
) -> hosts.Turn:
    return await hosts.take_turn(
        database, task.lease, lane=LaneName(lane), host=host, delay=delay, slots=slots, patience=patience
    )


async def test_turns_of_a_host_are_a_delay_apart_for_every_connection(database: Database, connect: Connect) -> None:
    """Eight connections at once get eight turns, each a whole delay after another; no two share one."""
    leased = await _leased(database, 8)
    askers = [await connect() for _ in leased]
    turns = await asyncio.gather(*(_turn(asker, task, delay=10.0) for asker, task in zip(askers, leased, strict=True)))
    waits = sorted(turn.wait for turn in turns)
    assert all(turn.taken for turn in turns)
    assert [round(wait / 10) for wait in waits] == list(range(8))
    assert min(later - sooner for sooner, later in pairwise(waits)) > 9


async def test_hosts_and_lanes_do_not_wait_for_each_other(database: Database) -> None:
    """Another host, another port and another lane have turns of their own."""
    (task,) = await _leased(database, 1)
    pairs = [(LANE, HOST), (LANE, f"{HOST}:8080"), (LANE, "other.example"), ("polite", HOST)]
    turns = [await _turn(database, task, delay=10.0, host=host, lane=lane) for lane, host in pairs]
    assert [(turn.taken, round(turn.wait)) for turn in turns] == [(True, 0)] * 4


async def test_a_turn_beyond_patience_is_not_taken(database: Database) -> None:
    """Who would not wait for the next turn leaves it to others."""
    first, second = await _leased(database, 2)
    await _turn(database, first, delay=60.0)
    assert await _turn(database, second, delay=60.0, patience=5.0) != hosts.Turn(taken=True, wait=0.0)
    again = await _turn(database, second, delay=60.0)
    assert (again.taken, round(again.wait)) == (True, 60)


async def test_a_full_host_has_no_slot_until_a_visit_ends(database: Database) -> None:
    """With two slots the third visit waits; the first to complete frees a slot, without a message to any invocation."""
    first, second, third = await _leased(database, 3)
    taken = [(await _turn(database, task, slots=2)).taken for task in (first, second, third)]
    assert taken == [True, True, False]
    await complete(database, first)
    assert (await _turn(database, third, slots=2)).taken


async def test_slots_of_a_killed_invocation_come_free(database: Database) -> None:
    """A slot is held as long as the lease: the reaper that takes the task back takes the slot back with it."""
    await open_run(database, urls(2), lane=LaneConfig(max_invocations=2, tasks_per_invocation=1))
    (doomed,) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    assert (await _turn(database, doomed, slots=1)).taken
    await make_old(database, "invocation", "heartbeat_at", rescue.HEARTBEAT_TTL + 1)
    assert (await rescue.reap_lane(database, LANE, location=str)).returned
    (other, *_) = await tasks.lease_share(database, await one_ready(database), share=1, another=False)
    assert (await _turn(database, other, slots=1)).taken


async def _started(database: Database, *leased: LeasedTask) -> list[tasks.HostRefuses | None]:
    return [await tasks.start(database, task.lease, host=HOST, probe=PROBE) for task in leased]


async def _refused(database: Database, *leased: LeasedTask, retry_after: float | None = None) -> list[float]:
    return [await hosts.refused(database, task.lease, HOST, retry_after=retry_after) for task in leased]


async def _refusals(database: Database) -> int:
    return int(await value(database, "SELECT refusals FROM trapline.host WHERE host = $1", HOST))


async def test_a_refusal_stops_all_visits_of_the_host(database: Database) -> None:
    """After a 429 no visit of the host starts, in any lane, and nothing is charged; other hosts go on."""
    first, second = await _leased(database, 2)
    assert await _started(database, first) == [None]
    (wait,) = await _refused(database, first)
    assert hosts.FIRST_BACKOFF * 0.7 <= wait <= hosts.FIRST_BACKOFF * 1.3
    (refuses,) = await _started(database, second)
    assert refuses is not None
    assert refuses.wait == pytest.approx(wait, abs=1)
    assert await tasks.start(database, second.lease, host="other.example", probe=PROBE) is None


async def test_retry_after_counts_when_it_is_longer(database: Database) -> None:
    """The host's own word, up to a day; a shorter one does not shorten our back-off."""
    first, second = await _leased(database, 2)
    await _started(database, first, second)
    (wait,) = await _refused(database, first, retry_after=120)
    assert wait == pytest.approx(120, abs=1)
    (longer,) = await _refused(database, second, retry_after=1e9)
    assert longer == pytest.approx(hosts.LONGEST_RETRY_AFTER, abs=1)


async def test_visits_under_way_together_count_as_one_refusal(database: Database) -> None:
    """Three pages that were loading when the host began to refuse do not make the back-off eight times as long."""
    leased = await _leased(database, 3)
    await _started(database, *leased)
    await _refused(database, *leased)
    assert await _refusals(database) == 1


async def test_one_visit_finds_out_whether_it_is_over(database: Database, connect: Connect) -> None:
    """After the back-off one of eight that start at once visits; the others wait for what it finds, then all go."""
    first, *rest = await _leased(database, 9)
    await _started(database, first)
    await _refused(database, first)
    await make_old(database, "host", "not_before", 1000)
    askers = [await connect() for _ in rest]
    answers = await asyncio.gather(*(_started(asker, task) for asker, task in zip(askers, rest, strict=True)))
    waits = sorted(refuses.wait for (refuses,) in answers if refuses is not None)
    assert len(waits) == 8
    assert waits[0] == 0.0
    assert all(wait > 1 for wait in waits[1:])
    await hosts.answered(database, HOST)
    assert await _started(database, rest[-1]) == [None]


async def test_each_refusal_doubles_the_back_off(database: Database) -> None:
    """A visit that began after a refusal, and is refused again, makes the next wait twice as long, up to a bound."""
    leased = await _leased(database, 1)
    waits: Sequence[float] = [await _refused_again(database, leased[0]) for _ in range(9)]
    bounds = [min(hosts.LONGEST_BACKOFF, hosts.FIRST_BACKOFF * 2**number) for number in range(9)]
    assert all(0.7 * bound <= wait <= 1.3 * bound for wait, bound in zip(waits, bounds, strict=True))


async def _refused_again(database: Database, task: LeasedTask) -> float:
    await database.connection.execute(
        "UPDATE trapline.host SET not_before = now(), refused_at = refused_at - interval '1 s'"
    )
    await _started(database, task)
    return (await _refused(database, task))[0]


async def test_a_zombie_does_not_start_for_want_of_a_refusal(database: Database) -> None:
    """A task put off is due again after its time, and the lease that put it off is spent."""
    (task,) = await _leased(database, 1)
    await tasks.put_off(database, task.lease, detail="its host's turn comes later", delay=60)
    seconds = await value(database, "SELECT extract(epoch FROM run_at - now()) FROM trapline.task")
    assert float(seconds) == pytest.approx(60, abs=5)
    assert await value(database, "SELECT rescues + attempts FROM trapline.task") == 0
    with pytest.raises(tasks.LeaseLostError):
        await tasks.start(database, task.lease, host=HOST, probe=PROBE)


async def test_of_many_that_want_robots_txt_one_fetches(database: Database, connect: Connect) -> None:
    """The claim is exclusive, and is worth nothing once the file is there."""
    askers = [await connect() for _ in range(6)]
    claims = await asyncio.gather(*(robots.claim(asker, "https://site.example") for asker in askers))
    assert sorted(claims) == [False] * 5 + [True]
    await robots.put(database, "https://site.example", "User-agent: *", good_for=60)
    assert not await robots.claim(database, "https://site.example")
    stored = await robots.read(database, "https://site.example")
    assert stored is not None
    assert (stored.fresh, stored.body) == (True, "User-agent: *")


async def test_robots_txt_that_fails_is_waited_for(database: Database) -> None:
    """Each 5xx doubles the wait, in which no invocation asks."""
    waits = []
    for _ in range(3):
        await database.connection.execute("UPDATE trapline.robots SET retry_at = now()")
        assert await robots.claim(database, "https://site.example")
        await robots.failed(database, "https://site.example", "HTTP 503")
        assert not await robots.claim(database, "https://site.example")
        stored = await robots.read(database, "https://site.example")
        assert stored is not None
        waits.append(round(stored.wait))
    assert waits == [10, 20, 40]
    assert (stored.failures, stored.reason) == (3, "HTTP 503")


async def test_hosts_are_forgotten_after_a_week(database: Database) -> None:
    """What nothing was heard of for a week goes; what is in use stays."""
    first, second = await _leased(database, 2)
    await _started(database, first)
    await _refused(database, first)
    await _turn(database, first, delay=1.0)
    await robots.claim(database, "https://site.example")
    for table, column in (
        ("host", "refused_at"),
        ("host", "not_before"),
        ("host_turn", "next_at"),
        ("robots", "claimed_until"),
    ):
        await make_old(database, table, column, 8 * 86_400)
    await _turn(database, second, delay=1.0, host="other.example")
    await hosts.forget(database)
    counts = [
        await value(database, f"SELECT count(*) FROM trapline.{table}") for table in ("host", "host_turn", "robots")
    ]
    assert counts == [0, 1, 0]
