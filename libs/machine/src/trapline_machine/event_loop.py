"""The loop behind ``trapline crawl``: dispatch, drain and watch until the runs have ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from trapline_common.domain.errors import LedgerUnavailableError, TransientError, TraplineError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import Drain, Reap
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views import progress
from trapline_machine.machine import Machine
from trapline_machine.progress import Screen
from trapline_machine.signals import Interrupts

TICK = 1.5
"""Seconds between two looks for what was lost: the minute's tick of AWS, for a person who waits."""
POLL = 0.2
"""Seconds between two readings of the progress; a big run is read less often, see ``_watch``."""
LINGER = 5.0
"""Seconds the processes get to end by themselves when the runs have; then they are asked to."""
SEND_WITHIN = 20.0
"""Seconds the notifier gets at the end for the alerts it is sending; what is left the last drain sends."""
STOP_WITHIN = 30.0
"""Seconds an ordered stop may take before the processes are killed."""
GIVE_UP_AFTER = 3
"""Processes in a row, for each that may run at once, that died while no task ended: something is wrong here."""

T = TypeVar("T")


class LedgerGoneError(TraplineError):
    """Postgres went away in the middle; what was recorded is safe."""


class StuckError(TraplineError):
    """Every process dies before it finishes a task."""


@dataclass(slots=True, kw_only=True)
class Round:
    """One command's work on ``runs``. ``ledger_answers`` tells a lost connection from a lost ledger."""

    machine: Machine
    database: Database
    screen: Screen
    runs: list[RunId]
    ledger_answers: Callable[[], Awaitable[bool]]
    _said: set[str] = field(default_factory=set)
    _deaths: int = 0
    _ended_tasks: int = 0
    _over: bool = False

    async def work(self, interrupts: Interrupts) -> bool:
        """Work until the runs have ended; ``False`` when an interrupt came first.

        Either way no process of ours is left. Raises ``LedgerGoneError`` and ``StuckError``.
        """
        working = asyncio.create_task(self._until_ended())
        interrupted = asyncio.create_task(interrupts.first.wait())
        try:
            await asyncio.wait({working, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
                return True
            self.screen.say("stopping: the crawlers hand their tasks back (again: kill them)")
            return False
        finally:
            interrupted.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self._stop(interrupts)

    async def _until_ended(self) -> None:
        loops = [asyncio.create_task(one()) for one in (self._watch, self._dispatch, self._notify)]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            self._over = True
            self.machine.inbox.put("notifier", Drain().event())  # so that a notifier that waits hears that it is over
            await asyncio.wait(loops[2:], timeout=SEND_WITHIN)
        finally:
            self._over = True  # should a library swallow the cancellation, the loop still ends with its next turn
            for loop in loops:
                loop.cancel()
            results = await asyncio.gather(*loops, return_exceptions=True)
        for result in results:
            if isinstance(result, LedgerUnavailableError):
                raise LedgerGoneError(_gone(result)) from result
            if isinstance(result, Exception):
                raise result
        await self.machine.processes.wait(within=LINGER)

    async def _watch(self) -> None:
        """Show the progress; return when every run has ended."""
        while True:
            began = time.monotonic()
            rows = await progress.progress(self.database, self.runs)
            cost = time.monotonic() - began
            self.screen.update(rows)
            ended = sum(row.ended for row in rows)
            if ended > self._ended_tasks:
                self._ended_tasks, self._deaths = ended, 0
            if all(row.status is RunStatus.ENDED for row in rows):
                return
            # Counting a million tasks takes a while: it must not be what the ledger is busy with.
            await asyncio.sleep(max(POLL, 20 * cost))

    async def _dispatch(self) -> None:
        """Report dead processes, take nudges, and reap on every tick."""
        reaped = float("-inf")
        while not self._over:
            left = max(0.0, reaped + TICK - time.monotonic())
            for event in await self.machine.inbox.for_dispatcher(within=left):
                await self._try(partial(self.machine.dispatch, event))
            lines = await self._try(self.machine.report_ended)
            for line in lines or ():
                self._died(line)
            if time.monotonic() - reaped >= TICK:
                reaped = time.monotonic()
                await self._try(partial(self.machine.dispatch, Reap().event()))
                await self._try(self._disown)

    async def _disown(self) -> None:
        processes = self.machine.processes
        await processes.disown(await progress.ended_invocations(self.database, processes.invocations))

    async def _notify(self) -> None:
        while not self._over:
            await self._try(self.machine.drain)
            await self.machine.inbox.for_notifier(within=10 * TICK)

    async def _try(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Do something that may work the next time, as long as the ledger is there."""
        try:
            return await attempt()
        except LedgerUnavailableError as error:
            if not await self.ledger_answers():
                raise LedgerGoneError(_gone(error)) from error
        except TransientError as error:
            self._say_once(str(error))
        return None

    def _died(self, line: str) -> None:
        self._say_once(f"a crawler process died ({line}); its tasks go on in another")
        self._deaths += 1
        if self._deaths >= GIVE_UP_AFTER * self.machine.settings.most:
            raise StuckError(
                f"{self._deaths} crawler processes in a row died before a task ended; the last: {line}; "
                f"logs: {self.machine.settings.logs}"
            )

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self.screen.say(line)

    async def _stop(self, interrupts: Interrupts) -> None:
        """End every process: in order while there is patience, then by force; and tell the ledger who died."""
        stopping = asyncio.create_task(self.machine.processes.stop(within=STOP_WITHIN))
        impatient = asyncio.create_task(interrupts.second.wait())
        await asyncio.wait({stopping, impatient}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        impatient.cancel()
        await asyncio.gather(stopping, impatient, return_exceptions=True)
        await self.machine.processes.kill()
        try:
            await self.machine.report_ended()
        except LedgerUnavailableError as error:
            self._say_once(f"not recorded, the next command will: {error}")


def _gone(error: LedgerUnavailableError) -> str:
    return f"the ledger went away: {error}; nothing recorded is lost, run the same command again to go on"
