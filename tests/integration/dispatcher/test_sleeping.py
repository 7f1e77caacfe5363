"""The minute's tick sleeps while nothing is due, and is awake whenever something is: with races, errors and deaths."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.adapters import MemoryAnnouncer, MemoryTick, MemoryWaiters
from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old
from support.logs import logged
from support.races import PATIENCE, until_blocked
from trapline_common.domain.answers import Reaped
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.messages import Reap
from trapline_common.ledger import tick
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.ledger.waking import awake, wake
from trapline_common.local.archive import DirectoryArchive
from trapline_dispatcher.maintenance import sleeping
from trapline_dispatcher.maintenance.nothing_due import EVENT

HELD = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted"
SESSIONS = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
DAILY = """
crawls:
  docs: {urls: [https://docs.example/1], schedule: cron(0 8 * * ? *)}
"""


@pytest.fixture
async def stage(stage: Stage) -> Stage:
    """A deployment whose tick may sleep, and came just now: its ledger is a copy of one that may be old."""
    stage.schedule = MemoryTick()
    stage.timeouts = EAGER
    await stage.rows("UPDATE trapline.tick SET came_at = now()")
    return stage


def schedule(stage: Stage) -> MemoryTick:
    assert stage.schedule is not None
    return stage.schedule


async def state(stage: Stage) -> str:
    """Return the ledger's word for it."""
    ((found,),) = await stage.rows("SELECT state::text FROM trapline.tick")
    return str(found)


async def asleep(stage: Stage) -> None:
    """Let a tick come that finds nothing to do."""
    await stage.reap()
    assert schedule(stage).asleep is not None
    assert await state(stage) == "asleep"
    schedule(stage).calls.clear()


async def finish(stage: Stage) -> None:
    """Let every crawler end its work, and the ends be told."""
    await stage.end_runs()
    await stage.rows(
        "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() "
        "WHERE status IN ('created', 'pending', 'ready', 'running')"
    )
    await stage.rows("UPDATE trapline.alert SET status = 'sent', sent_at = now() WHERE status = 'due'")


async def release_before(stage: Stage) -> None:
    """Open a run as the release before does, which switches nothing on."""
    keep, stage.schedule = stage.schedule, None
    await stage.tick(at="2026-03-01T09:00:00Z")
    stage.schedule = keep


async def test_a_tick_that_finds_nothing_due_sleeps_and_an_opening_wakes_it(stage: Stage) -> None:
    """From a quiet ledger through a run to a quiet ledger: while something is due no tick sleeps."""
    await asleep(stage)
    await stage.tick()
    assert schedule(stage).calls == ["every_minute"]
    for _ in range(2):
        await stage.reap()
        assert schedule(stage).asleep is None
    await finish(stage)
    await stage.reap()
    assert schedule(stage).asleep is not None
    assert schedule(stage).calls == ["every_minute", "every_hour"]


async def test_the_tick_is_on_before_the_run_is_there(stage: Stage) -> None:
    """When the schedule is switched, no other connection sees a run yet."""
    await asleep(stage)
    seen = []

    async def look() -> None:
        seen.append(await stage.runs())

    schedule(stage).after["every_minute"] = look
    await stage.tick()
    assert seen == [[]]
    assert len(await stage.runs()) == 1


async def test_a_tick_that_is_on_is_not_switched_again(stage: Stage) -> None:
    """A thousand openings a morning must not be a thousand calls of EventBridge Scheduler."""
    await stage.tick()
    await stage.open("other")
    await stage.count()
    assert schedule(stage).calls == []


async def test_awake_is_believed_only_of_a_tick_that_comes(stage: Stage) -> None:
    """After a restored snapshot, or where somebody switched it off, the ledger says what is not so."""
    await make_old(stage.database, "tick", "came_at", tick.LATELY + 1)
    await stage.tick()
    assert schedule(stage).calls == ["every_minute"]
    await make_old(stage.database, "tick", "came_at", tick.LATELY + 1)
    await stage.reap()
    assert schedule(stage).calls == ["every_minute"] * 2
    await stage.open("other")
    assert schedule(stage).calls == ["every_minute"] * 2


async def test_what_was_committed_without_waking_it_is_found_afterwards(stage: Stage) -> None:
    """A dispatcher of the release before opens a run while the tick switches itself off: it looks again, and stays."""
    schedule(stage).after["every_hour"] = lambda: release_before(stage)
    await stage.reap()
    assert schedule(stage).calls == ["every_hour", "every_minute"]
    assert (schedule(stage).asleep, await state(stage)) == (None, "awake")
    assert len(await stage.runs()) == 1


async def test_a_tick_that_was_stopped_in_its_fall_finds_that_it_was_woken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken for dead, a run opens and ends its turn; then the stopped process switches off, and looks again."""

    async def stopped() -> None:
        monkeypatch.setattr(tick, "FALLS_WITHIN", 0.0)  # it was stopped for longer than a fall may take
        await stage.tick()
        await finish(stage)
        await stage.rows("UPDATE trapline.run SET status = 'ended', outcome = 'completed', ended_at = now(),"
                         " told_at = now()")  # fmt: skip
        assert schedule(stage).asleep is None

    schedule(stage).before["every_hour"] = stopped
    await stage.reap()
    assert schedule(stage).calls == ["every_hour", "every_minute", "every_minute"]
    assert (schedule(stage).asleep, await state(stage)) == (None, "awake")


async def until_held(stage: Stage) -> None:
    """Return once another connection holds the tick awake."""
    async with asyncio.timeout(PATIENCE):
        while not await stage.rows(HELD):  # noqa: ASYNC110  (Postgres sends no notification of a lock)
            await asyncio.sleep(0.01)


async def test_who_makes_work_waits_for_a_fall_that_is_under_way(stage: Stage) -> None:
    """A run that is opened while the tick switches itself off waits for that, and then switches it on."""
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def dwell() -> None:
        under_way.set()
        await go_on.wait()

    schedule(stage).before["every_hour"] = dwell
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.reap())
        await under_way.wait()
        opened = group.create_task(stage.tick())
        await until_held(stage)
        assert await stage.runs() == []
        go_on.set()
        await opened
    assert schedule(stage).calls == ["every_hour", "every_minute"]
    assert schedule(stage).asleep is None
    assert len(await stage.runs()) == 1


async def test_a_fall_whose_process_died_is_waited_for_and_overruled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or after the schedule was switched off: the next opening switches it on all the same."""
    monkeypatch.setattr(tick, "FALLS_WITHIN", 0.4)
    for switched_off in (False, True):
        where = schedule(stage).after if switched_off else schedule(stage).before
        where["every_hour"] = _die
        with pytest.raises(Killed):
            await stage.reap()
        assert await state(stage) == "falling"
        await stage.tick(at=f"2026-03-01T1{int(switched_off)}:00:00Z")
        assert (schedule(stage).asleep, await state(stage)) == (None, "awake")
        await finish(stage)


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the product's catches it."""


async def _die() -> None:
    raise Killed


async def test_a_switch_that_another_overtook_is_made_again(stage: Stage) -> None:
    """Between a tick's switch and its note a run is opened and worked, and the tick falls asleep again."""
    await asleep(stage)

    async def overtaken() -> None:
        await stage.tick()
        await finish(stage)
        await stage.reap()
        assert (schedule(stage).asleep is not None, await state(stage)) == (True, "asleep")

    schedule(stage).after["every_minute"] = overtaken
    await wake(stage.database, schedule(stage))
    assert (schedule(stage).asleep, await state(stage)) == (None, "awake")


async def test_who_holds_it_keeps_it_awake(stage: Stage) -> None:
    """Between the look at the tick and the commit any time may pass; a tick that comes meanwhile stays."""
    async with await Database.connect(stage.dsn) as other, awake(other, schedule(stage)):
        await stage.reap()
        assert schedule(stage).asleep is None
    await asleep(stage)


async def test_a_holder_that_died_keeps_nothing_awake(stage: Stage) -> None:
    """Its hold goes with its connection."""
    other = await Database.connect(stage.dsn)
    async with awake(other, schedule(stage)):
        await other.close()
    await asleep(stage)


async def test_who_comes_into_a_fall_waits_for_its_statement_alone(stage: Stage) -> None:
    """The look at what is due and the compare-and-set are one transaction; a maker of work comes before or after."""
    seen = (await tick.state(stage.database)).number
    async with await Database.connect(stage.dsn) as falls, asyncio.TaskGroup() as group:
        async with falls.transaction():
            assert await falls.fetchval(tick._TICK["try_alone"])
            making = group.create_task(stage.tick())
            await until_blocked(stage.database)
            assert await falls.fetchval(tick._TICK["fall"], seen)
        await until_held(stage)
        assert not making.done()
        assert await tick.fallen(falls, seen + 1)
    assert schedule(stage).calls == ["every_minute"]


async def test_two_ticks_at_once_fall_once(stage: Stage) -> None:
    """The one whose number is old leaves it to the other."""
    seen = (await tick.state(stage.database)).number
    await asleep(stage)
    services = stage.services()
    assert services.tick is not None
    assert not await sleeping.fall_asleep(services, services.tick, stage.database, seen=seen)
    assert schedule(stage).calls == []


async def test_an_error_while_it_is_switched_off_leaves_it_on(stage: Stage) -> None:
    """Whether the call had its effect or not; the tick says so by failing."""
    for where in (schedule(stage).before, schedule(stage).after):
        where["every_hour"] = _away
        with pytest.raises(TransientError):
            await stage.reap()
        assert (schedule(stage).asleep, await state(stage)) == (None, "awake")
    await asleep(stage)


async def _away() -> None:
    raise TransientError("UpdateSchedule: InternalServerException")


async def test_an_error_while_it_is_switched_on_stops_the_opening(stage: Stage) -> None:
    """No run is there that nobody looks after; Lambda repeats the event, and then it opens."""
    await asleep(stage)
    schedule(stage).before["every_minute"] = _away
    with pytest.raises(TransientError):
        await stage.tick()
    assert await stage.runs() == []
    await stage.tick()
    assert len(await stage.runs()) == 1
    assert schedule(stage).asleep is None


async def test_a_job_that_failed_keeps_it_awake(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job could not do is still to be done, whatever the ledger says."""
    stage.limits_by_config = True
    monkeypatch.setattr("trapline_common.ledger.mutes.end_over", _fails)
    with pytest.raises(TransientError):
        await stage.reap()
    assert schedule(stage).calls == []


async def _fails(_database: Database) -> int:
    raise TransientError("away")


async def test_a_config_that_cannot_be_read_keeps_it_awake(stage: Stage) -> None:
    """Asleep it could not say what was due, so the tick of the next minute reads it again."""
    stage.config_error = TransientError("GetObject: SlowDown")
    await stage.reap()
    assert (schedule(stage).calls, await state(stage)) == ([], "awake")


async def test_a_mute_wakes_it_at_its_end(stage: Stage) -> None:
    """What is due later than soon is slept until; what is due soon is waited for."""
    await stage.rows(
        "INSERT INTO trapline.mute (crawl, kinds, reason, acted_by, until) VALUES ('docs', '{failure}', 'moving', 'me',"
        " now() + interval '5 h')"
    )
    await asleep(stage)
    found = schedule(stage).asleep
    assert found is not None
    assert abs(found.until - datetime.now(UTC) - timedelta(hours=5)) < timedelta(minutes=1)
    await stage.rows("UPDATE trapline.mute SET until = now() + interval '9 min'")
    await stage.reap()
    assert schedule(stage).asleep is None


async def test_it_wakes_after_a_day_whatever_is_due(stage: Stage) -> None:
    """Retention, and what the ledger does not know of, waits for no longer."""
    await asleep(stage)
    found = schedule(stage).asleep
    assert found is not None
    assert abs(found.until - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=1)


async def look(
    stage: Stage, *, after: timedelta = timedelta(hours=1), began: datetime | None = None, ledger: bool = False
) -> str:
    """Let the hourly look come, that long after ``began``, by default now; return what is logged.

    Without ``ledger`` there is none: a look that wants one fails.
    """
    found = schedule(stage).asleep
    assert found is not None
    stage.now = (began or datetime.now(UTC)) + after
    keep = stage.dsn
    stage.dsn = keep if ledger else "postgresql://nobody@127.0.0.1:1/none"
    try:
        with logged("dispatcher") as out:
            assert isinstance(await stage.handle(Reap(asleep=found)), Reaped)
    finally:
        stage.dsn = keep
    return out.getvalue()


async def test_the_hourly_look_opens_no_connection(stage: Stage) -> None:
    """Until its time the ledger is left alone; then the tick wakes, does its work, and sleeps again."""
    await asleep(stage)
    for hours in (1, 5, 23):
        await look(stage, after=timedelta(hours=hours))
    assert schedule(stage).calls == []
    with pytest.raises(LedgerUnavailableError):
        await look(stage, after=timedelta(hours=24))
    await look(stage, after=timedelta(hours=24), ledger=True)
    assert schedule(stage).calls == ["every_minute", "every_hour"]


async def test_a_day_of_sleep_has_no_connection_and_the_next_run_opens_as_fast(stage: Stage) -> None:
    """By Postgres' own count of sessions; a run opens at most 2 s later than while the tick is awake."""
    await stage.open("docs")
    busy = await seconds_to_open(stage, "other")
    await finish(stage)
    await asleep(stage)
    (sessions,) = await stage.rows(SESSIONS)
    for hours in range(1, 23):
        await look(stage, after=timedelta(hours=hours))
    assert await stage.rows(SESSIONS) == [sessions]
    assert await seconds_to_open(stage, "asleep") <= busy + 2.0
    async with asyncio.timeout(PATIENCE):
        while await stage.rows(SESSIONS) == [sessions]:  # noqa: ASYNC110  (Postgres tells nobody that it counted)
            await asyncio.sleep(0.05)


async def seconds_to_open(stage: Stage, crawl: str) -> float:
    """Return how long the dispatcher takes to open a run."""
    began = time.monotonic()
    await stage.open(crawl)
    return time.monotonic() - began


async def test_the_hourly_look_wakes_for_other_crawls(stage: Stage) -> None:
    """A deploy changes the config, and the ledger notes which crawls there are; so does a config that is unreadable."""
    await asleep(stage)
    stage.configure(DAILY)
    with pytest.raises(LedgerUnavailableError):
        await look(stage)
    await look(stage, ledger=True)
    assert schedule(stage).calls == ["every_minute", "every_hour"]
    await look(stage)
    stage.config_error = TransientError("GetObject: SlowDown")
    with pytest.raises(LedgerUnavailableError):
        await look(stage)


async def test_the_sign_of_life_goes_on_while_it_sleeps(stage: Stage) -> None:
    """Without the ledger it is said as long as no crawl was to run since the last success, and not after."""
    stage.configure(DAILY)
    stage.limits_by_config = stage.tells_nothing_due = True
    with logged("dispatcher") as out:
        await stage.reap()
    assert EVENT in out.getvalue()
    began = datetime.now(UTC)
    eight = began.replace(hour=8, minute=0, second=0, microsecond=0)
    until_eight = (eight - began) % timedelta(days=1)
    for after in (timedelta(hours=hours) for hours in range(1, 23)):
        assert (EVENT in await look(stage, began=began, after=after)) == (after < until_eight)


async def test_a_failure_before_it_slept_is_no_sign_of_life(stage: Stage) -> None:
    """What was due since the last success stays due however long the tick sleeps."""
    stage.configure(DAILY)
    stage.limits_by_config = stage.tells_nothing_due = True
    await stage.rows("UPDATE trapline.migration SET applied_at = now() - interval '25 h'")
    await asleep(stage)
    assert EVENT not in await look(stage)


LINES = {
    r"wake up|sleep": None,  # the tick's own
    r"look for lanes to rescue|rescue in lane \w+|ask again|look for busy lanes|count of lane \w+|limits of lanes": (
        "rescue, count, ask again"
    ),
    r"look for runs that are done|end run \d+|look for openings|opening of run \d+": "end, open, cancel",
    r"finish what was begun": "finish what was begun",
    r"crawls of the config": "crawls of the config",
    r"answer who waits": "answer who waits",
    r"announce ends": "announce ends",
    r"mutes that are over": "mutes that are over",
    r"forget hosts": "forget hosts",
    r"sweep alerts": "sweep alerts",
    r"archive": "archive",
    r"retire": "retire",
    r"sweep artifacts": "sweep artifacts",
}
"""By the tick's jobs the line of ``trapline.due`` that says when they have something to do."""


async def test_each_job_of_the_tick_has_its_line(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A job that is added to the tick must say when it is due, or it would sleep until something else is."""
    stage.limits_by_config = True
    stage.waiters, stage.announcer = MemoryWaiters(), MemoryAnnouncer()
    stage.archive, stage.retention = DirectoryArchive(tmp_path), Retention(days=30)
    ran: set[str] = set()
    run = SeparateJobs.run

    async def noted(self: SeparateJobs, job: str, work: Callable[..., Awaitable[Any]], *, instead: Any) -> Any:
        ran.add(job)
        return await run(self, job, work, instead=instead)

    monkeypatch.setattr(SeparateJobs, "run", noted)
    await stage.tick()
    await stage.open("patient")
    await stage.reap()
    await finish(stage)
    await stage.reap()
    lines = set(await tick.due(stage.database, stage.services().chores))
    found = {job: [line for jobs, line in LINES.items() if re.fullmatch(jobs, job)] for job in ran}
    assert [job for job, line in found.items() if len(line) != 1] == []
    assert {line for (line,) in found.values() if line is not None} == lines
