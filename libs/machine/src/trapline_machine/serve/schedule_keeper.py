"""Fires the schedules of one machine. Each tick gets one record, whenever this process is killed.

A tick's record and the note of it are two steps, and either may be the last that a killed process did. Done again they
change nothing: a run is unique by crawl and tick.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from trapline_common.config.models import Config, CrawlConfig, LaneConfig
from trapline_common.config.schedule_times import ticks
from trapline_common.domain.answers import DispatcherAnswer, Opened, Refused
from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.domain.ids import CrawlName
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import Tick
from trapline_common.ledger import schedules
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schedules import MISSED, KeptSchedule
from trapline_common.platform.logging import get_logger
from trapline_common.platform.text import counted
from trapline_machine.serve.clock import Clock
from trapline_machine.serve.due import due

AT_ONCE = 4
"""Schedules that fire at once: each holds a connection while its run is opened."""
RECORDED_WITHIN = 1.0
"""Seconds between two looks whether an opening that takes long, for its sitemap, has its run in the ledger."""
BATCH = 1_000
"""Missed ticks that one transaction records."""
LONGEST_REASON = 1_000
"""Characters of why a tick opened no run."""

_log = get_logger("runtime")


@dataclass(slots=True, kw_only=True)
class _Scheduled:
    """One schedule, with all that its ticks need: a config that changes meanwhile makes another."""

    kept: KeptSchedule
    """The schedule, as the ledger has it."""
    crawl: CrawlConfig
    """Its crawl."""
    lane: LaneConfig
    """The crawl's lane."""
    again_at: datetime
    """When it is to be looked at again."""

    def recorded(self, tick: datetime) -> None:
        """Note that each tick up to this one has its record."""
        self.kept = replace(self.kept, recorded_to=max(tick, self.kept.recorded_to))


@dataclass(slots=True, kw_only=True)
class ScheduleKeeper:
    """Keeps the schedules of a config."""

    database: Database
    """For the ticks' records."""
    dispatch: Callable[[Mapping[str, Any]], Awaitable[DispatcherAnswer]]
    """The dispatcher, which opens a run for a tick."""
    clock: Clock
    """By which they fire."""
    keeps: timedelta
    """How long runs are kept: a missed tick that is older gets no record, which would be deleted at once."""
    say: Callable[[str], None]
    """Shows one line to a person."""
    _scheduled: list[_Scheduled] = field(default_factory=list)
    """The schedules."""
    _opening: set["asyncio.Task[DispatcherAnswer]"] = field(default_factory=set)
    """Openings under way, some of which go on after their tick has its record."""

    async def keep(self, config: Config) -> None:
        """Keep the schedules of ``config``, and no others. Raises ``LedgerUnavailableError``."""
        now = self.clock.now()
        found = []
        for kept in await schedules.keep(self.database, config.crawls.values(), now=now):
            crawl = config.crawls[CrawlName(kept.crawl)]
            found.append(_Scheduled(kept=kept, crawl=crawl, lane=config.lanes[crawl.lane], again_at=now))
        self._scheduled = found

    async def fire(self) -> None:
        """Open a run for each tick that is due; record those that were missed. Raises ``LedgerUnavailableError``."""
        now, turn = self.clock.now(), asyncio.Semaphore(AT_ONCE)
        looks = [self._look(one, now, turn) for one in self._scheduled if one.again_at <= now]
        for result in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def coming(self) -> list[tuple[CrawlConfig, datetime | None]]:
        """Return each crawl that has a schedule with its next tick; ``None``: it never fires again."""
        return [
            (one.crawl, next(ticks(kept.expression, kept.timezone, after=kept.recorded_to, since=kept.since), None))
            for one in self._scheduled
            for kept in [one.kept]
        ]

    async def close(self) -> None:
        """Cut off the openings under way: another process resumes them."""
        for opening in self._opening:
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    async def _look(self, one: _Scheduled, now: datetime, turn: asyncio.Semaphore) -> None:
        async with turn:
            found = await asyncio.to_thread(
                due, one.kept, jitter=one.crawl.jitter, now=now, not_before=now - self.keeps
            )
            if found.missed:
                await self._missed(one, found.missed)
            if found.latest is not None:
                await self._fire(one, found.latest)
        one.again_at = found.again_at

    async def _missed(self, one: _Scheduled, found: Sequence[datetime]) -> None:
        recorded = 0
        for start in range(0, len(found), BATCH):
            recorded += await self._skip(one, found[start : start + BATCH], MISSED)
        if recorded:
            since = _shown(found[0])
            self.say(f"{one.crawl.name}: {counted(recorded, 'tick was', 'ticks were')} missed since {since}")

    async def _fire(self, one: _Scheduled, tick: datetime) -> None:
        name = one.crawl.name
        opening = asyncio.create_task(_answered(self.dispatch(Tick(crawl=name, scheduled_for=tick).event())))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        while not opening.done():
            await asyncio.wait({opening}, timeout=RECORDED_WITHIN)
            if not opening.done() and await schedules.has_record(self.database, name, tick):
                break  # the rest of the opening keeps no tick waiting
        why = self._told(one, tick, opening)
        if await schedules.has_record(self.database, name, tick):
            await schedules.note_recorded(self.database, name, tick)
            one.recorded(tick)
        else:
            await self._skip(one, [tick], why)

    def _told(self, one: _Scheduled, tick: datetime, opening: "asyncio.Task[DispatcherAnswer]") -> str:
        """Say what came of a tick; return why it opened no run, should it have none. Raises if the ledger is away."""
        said = f"{one.crawl.name}: tick of {_shown(tick)}"
        if not opening.done():
            return "not opened yet"
        error = opening.exception()
        if isinstance(error, LedgerUnavailableError) or not isinstance(error, Exception | None):
            raise error
        if error is not None:
            if not isinstance(error, TransientError):
                _log.error("tick_failed", crawl=one.crawl.name, tick=tick.isoformat(), exc_info=error)
            self.say(f"{said}: {error}")
            return f"not opened: {type(error).__name__}: {error}"[:LONGEST_REASON]
        answer = opening.result()
        if isinstance(answer, Refused):
            self.say(f"{said} refused: {answer.reason}")
            return f"not opened: {answer.reason}"[:LONGEST_REASON]
        if isinstance(answer, Opened):
            self.say(f"{said}: {_came_of(answer)}")
        return "not opened"

    async def _skip(self, one: _Scheduled, found: Sequence[datetime], reason: str) -> int:
        recorded = await schedules.skip(self.database, one.crawl, one.lane, found, reason=reason)
        one.recorded(found[-1])
        return recorded


def _came_of(answer: Opened) -> str:
    if answer.pages_refused is not None:
        return f"run {answer.run_id} refused: {answer.pages_refused}"
    if answer.waits_for is None:
        return f"run {answer.run_id}"
    skipped = answer.status is RunStatus.ENDED
    return f"skipped, run {answer.waits_for} is still open" if skipped else f"waits for run {answer.waits_for}"


async def _answered(answer: Awaitable[DispatcherAnswer]) -> DispatcherAnswer:
    return await answer


def _shown(tick: datetime) -> str:
    return tick.astimezone().strftime("%Y-%m-%d %H:%M")
