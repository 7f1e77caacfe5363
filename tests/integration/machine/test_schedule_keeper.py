"""Schedules on one machine: each tick has one record, a run or a skip, whatever was paused, changed or killed."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from support.dispatcher_stage import Stage
from support.schedules import NOON, RECORDS, Fuse, FusedDatabase, KilledError, SetClock
from trapline_common.config.load import parse_config
from trapline_common.domain.answers import DispatcherAnswer
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schedules import MISSED
from trapline_machine.serve.schedule_keeper import ScheduleKeeper

PAGE = "https://a.example/"


@pytest.fixture
def stage(dsn: str, database: Database) -> Stage:
    """The dispatcher, whose crawlers never start."""
    return Stage(dsn=dsn, database=database)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def one(schedule: str, **more: object) -> str:
    """Return a file with one crawl."""
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f"crawls: {{docs: {{urls: [{PAGE}], schedule: '{schedule}'{rest}}}}}"


async def started(stage: Stage, clock: SetClock, text: str, *, database: Database | None = None) -> ScheduleKeeper:
    """Start a process that keeps the schedules of a file."""
    stage.config = parse_config(text, "crawls.yaml")
    keeper = ScheduleKeeper(
        database=database or stage.database,
        dispatch=stage.handle,
        clock=clock.clock(),
        keeps=timedelta(days=90),
        say=lambda _: None,
    )
    await keeper.keep(stage.config)
    return keeper


async def records(stage: Stage, crawl: str = "docs") -> list[tuple[int, str, str | None]]:
    """Return each record of a tick: minutes since noon, what became of it, and why."""
    return [
        ((at - NOON) // timedelta(minutes=1), state, reason) for at, state, reason in await stage.rows(RECORDS, crawl)
    ]


async def end_all(stage: Stage) -> None:
    await stage.end_runs()
    await stage.reap()


async def test_each_tick_opens_one_run(stage: Stage, clock: SetClock) -> None:
    """A rate fires when it is first kept and then in its steps; looking again, or from a new process, fires nothing."""
    keeper = await started(stage, clock, one("rate(2 minutes)"))
    for _ in range(4):
        await keeper.fire()
        await keeper.fire()
        await end_all(stage)
        clock.go_on(minutes=1)
    keeper = await started(stage, clock, one("rate(2 minutes)"))
    await keeper.fire()
    assert await records(stage) == [(0, "completed", None), (2, "completed", None), (4, "open", None)]


async def test_after_a_pause_the_latest_opens_a_run_and_the_others_are_missed(stage: Stage, clock: SetClock) -> None:
    """Each of the ticks of a pause is recorded, in order, and the latest one is made up for."""
    await started(stage, clock, one("cron(0/5 * * * ? *)"))
    clock.go_on(minutes=21)
    keeper = await started(stage, clock, one("cron(0/5 * * * ? *)"))
    await keeper.fire()
    missed = [(minutes, "skipped", MISSED) for minutes in (0, 5, 10, 15)]
    assert await records(stage) == [*missed, (20, "open", None)]
    clock.go_on(minutes=5)
    await keeper.fire()
    assert (await records(stage))[-1] == (25, "skipped", "run 5 was still open")


async def test_a_clock_that_is_set_back_fires_nothing_twice(stage: Stage, clock: SetClock) -> None:
    """The same minutes again open no run; then it goes on."""
    keeper = await started(stage, clock, one("cron(* * * * ? *)"))
    await keeper.fire()
    clock.go_on(minutes=1)
    await keeper.fire()
    clock.go_on(minutes=-2)
    for _ in range(3):
        await keeper.fire()
        clock.go_on(minutes=1)
    assert [record[0] for record in await records(stage)] == [0, 1]
    await keeper.fire()
    assert [record[0] for record in await records(stage)] == [0, 1, 2]


async def test_a_changed_schedule_counts_from_its_change(stage: Stage, clock: SetClock) -> None:
    """Ticks of the old one that had not come, and of a time in which it was off or gone, are no ticks at all."""
    keeper = await started(stage, clock, one("rate(10 minutes)"))
    await keeper.fire()
    clock.go_on(minutes=15)
    keeper = await started(stage, clock, one("cron(0/10 * * * ? *)"))
    clock.go_on(minutes=6)
    await keeper.fire()
    await started(stage, clock, one("cron(0/10 * * * ? *)", enabled="false"))
    clock.go_on(minutes=20)
    await started(stage, clock, "crawls: {other: {urls: [https://a.example/]}}")
    clock.go_on(minutes=20)
    keeper = await started(stage, clock, one("cron(0/10 * * * ? *)"))
    clock.go_on(minutes=10)
    await keeper.fire()
    assert [record[0] for record in await records(stage)] == [0, 20, 70]


async def test_what_retention_would_delete_at_once_is_not_written(stage: Stage, clock: SetClock) -> None:
    """After a pause that is longer than runs are kept, only the ticks of that time have a record."""
    await started(stage, clock, one("rate(1 day)"))
    clock.go_on(days=400)
    keeper = await started(stage, clock, one("rate(1 day)"))
    await keeper.fire()
    found = [minutes / 1440 for minutes, _, _ in await records(stage)]
    assert found == list(range(311, 401))


async def test_a_tick_fires_within_its_jitter(stage: Stage, clock: SetClock) -> None:
    """Not before its place in the window, at the same place after a restart, and with its own time as its record."""
    text = one("cron(0 * * * ? *)", jitter="20m")
    places = set[int]()
    for hour in range(1, 4):
        clock.time = NOON + timedelta(hours=hour)
        for minute in range(21):
            keeper = await started(stage, clock, text)
            await keeper.fire()
            found = await records(stage)
            if found and found[-1][0] == hour * 60:
                places.add(minute)
                break
            clock.go_on(minutes=1)
        assert [record[0] for record in await records(stage)] == [each * 60 for each in range(1, hour + 1)]
        await end_all(stage)
    assert len(places) > 1, "a place of its own for each tick"


async def test_an_opening_that_takes_long_keeps_nothing_waiting(stage: Stage, clock: SetClock) -> None:
    """While one goes on, its tick has its record, and later ticks and other crawls fire."""
    text = f"""
        crawls:
          docs: {{urls: [{PAGE}], schedule: rate(1 minute)}}
          other: {{urls: [{PAGE}], schedule: rate(1 minute)}}
    """
    held = asyncio.Event()

    async def dispatch(event: Mapping[str, Any]) -> DispatcherAnswer:
        answer = await stage.handle(event)
        if event["crawl"] == "docs":
            await held.wait()  # its row is there, and the dispatcher goes on
        return answer

    keeper = await started(stage, clock, text)
    keeper.dispatch = dispatch
    await keeper.fire()
    clock.go_on(minutes=1)
    await keeper.fire()
    assert [record[0] for record in await records(stage)] == [0, 1]
    assert [record[0] for record in await records(stage, "other")] == [0, 1]
    held.set()
    await keeper.close()


async def test_a_tick_that_opens_no_run_says_why(stage: Stage, clock: SetClock) -> None:
    """A refusal or an error of the dispatcher is the tick's record; while the ledger is away there is none yet."""
    keeper = await started(stage, clock, one("rate(1 minute)"))
    stage.config = parse_config("crawls: {other: {urls: [https://a.example/]}}", "crawls.yaml")
    await keeper.fire()
    stage.config_error = RuntimeError("the disk is on fire")
    clock.go_on(minutes=1)
    await keeper.fire()
    stage.config_error = LedgerUnavailableError("gone")
    clock.go_on(minutes=1)
    with pytest.raises(LedgerUnavailableError):
        await keeper.fire()
    stage.config_error, stage.config = None, parse_config(one("rate(1 minute)"), "crawls.yaml")
    await keeper.fire()
    assert await records(stage) == [
        (0, "skipped", "not opened: no crawl 'docs' in the config; it has: other"),
        (1, "skipped", "not opened: RuntimeError: the disk is on fire"),
        (2, "open", None),
    ]


async def killed_at(stage: Stage, clock: SetClock, dsn: str, crawl: str, fuse: Fuse) -> bool:
    """Keep a schedule for a while and be killed at one step; return whether there was such a step."""
    text = f"crawls: {{{crawl}: {{urls: [{PAGE}], schedule: rate(1 minute), overlap: queue}}}}"
    begun: datetime = clock.time
    await started(stage, clock, text)
    clock.go_on(minutes=2, seconds=30)
    async with await FusedDatabase.connect(dsn) as database:
        database.fuse = fuse

        async def dispatch(event: Mapping[str, Any]) -> DispatcherAnswer:
            fuse.before_step()
            answer = await stage.handle(event)
            fuse.after_step()
            return answer

        try:
            keeper = await started(stage, clock, text, database=database)
            keeper.dispatch = dispatch
            await keeper.fire()
        except KilledError:
            was_killed = True
        else:
            was_killed = fuse.taken >= fuse.step
        if fuse.step % 2:  # the next process starts at once, or in a later minute
            clock.go_on(minutes=1)
    keeper = await started(stage, clock, text)
    await keeper.fire()
    found = await stage.rows(RECORDS, crawl)
    minutes = (clock.time - begun) // timedelta(minutes=1)
    assert [row[0] for row in found] == [begun + timedelta(minutes=number) for number in range(minutes + 1)], fuse
    assert [row[1] for row in found[:2]] == ["skipped", "skipped"], fuse
    assert found[-1][1] != "skipped", fuse
    return was_killed


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_step(stage: Stage, clock: SetClock, dsn: str, *, after: bool) -> None:
    """Killed before or after any statement of a turn: the next process leaves each tick with exactly one record."""
    step = 1
    while True:
        if not await killed_at(stage, clock, dsn, f"docs-{step}", Fuse(step=step, after=after)):
            break
        step += 1
    assert step >= 10
