"""The loop behind ``trapline crawl`` and ``trapline serve``: it dispatches, drains and watches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from trapline_common.domain.errors import JobsFailedError, LedgerUnavailableError, TransientError, TraplineError
from trapline_common.domain.messages import Drain, Reap
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.invocations import active_invocations
from trapline_machine.goals import Goal
from trapline_machine.machine import Machine
from trapline_machine.progress import ProgressDisplay
from trapline_machine.signals import Interrupts

LINGER = 5.0
"""Seconds the processes get to end by themselves when the runs have; then the loop asks them to."""
DRAINS = 4
"""Drains at once: a channel that does not answer holds one up for its own 15 s, and no other channel."""
SEND_WITHIN = 20.0
"""Seconds the notifier gets at the end for the alerts it is sending; the last drain sends the rest."""
STOP_WITHIN = 30.0
"""Seconds an ordered stop may take before the processes are killed."""
DRAIN_AT_LEAST = 15.0
"""Seconds between two drains that nothing called for."""
REMEMBERED = 1000
"""Lines that are not shown again; a loop that goes on for months forgets them then."""
GIVE_UP_AFTER = 3
"""Processes in a row, for each that may run at once, that died while no task ended: something is wrong here."""

T = TypeVar("T")


class LedgerGoneError(LedgerUnavailableError):
    """Postgres went away in the middle; what was recorded is safe."""


class StuckError(TraplineError):
    """Every process dies before it finishes a task."""


@dataclass(slots=True, kw_only=True)
class EventLoop:
    """One command's work."""

    machine: Machine
    """The dispatcher, the notifier and the crawlers' processes."""
    database: Database
    """The command's own connection: it reads the progress, and holds the runs."""
    display: ProgressDisplay
    """Where progress and lines go."""
    goal: Goal
    """What the command works for."""
    ledger_answers: Callable[[], Awaitable[bool]]
    """Tells a lost connection from a lost ledger."""
    beside: Sequence[Callable[[], Awaitable[None]]] = ()
    """Loops that go on as long as this one: none of them returns. Each turn of theirs goes through ``attempt``."""
    _shown: set[str] = field(default_factory=set)
    """Lines that were shown: each is shown once."""
    _deaths: int = 0
    """Crawler processes that died since a task ended last."""
    _ended_tasks: int = 0
    """Tasks that had ended when the progress was read last."""
    _over: bool = False
    """Whether the loops are to end."""

    async def work(self, interrupts: Interrupts) -> bool:
        """Work until the goal is reached; ``False`` when an interrupt came first.

        Either way no process of ours is left. Raises ``LedgerGoneError`` and ``StuckError``.
        """
        working = asyncio.create_task(self._until_ended())
        interrupted = asyncio.create_task(interrupts.first.wait())
        try:
            await asyncio.wait({working, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
                return True
            self.display.line("stopping: the crawlers hand their tasks back (again: kill them)")
            return False
        finally:
            interrupted.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self._stop(interrupts)

    async def _until_ended(self) -> None:
        notify = asyncio.create_task(self._notify())
        loops = [notify, *(asyncio.ensure_future(one()) for one in (self._watch, self._dispatch, *self.beside))]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            self._over = True
            self.machine.inbox.put("notifier", Drain().event())  # wakes a notifier that waits, so that it ends
            await asyncio.wait([notify], timeout=SEND_WITHIN)
        finally:
            self._over = True  # should a library swallow the cancellation, the loop still ends with its next turn
            for loop in loops:
                loop.cancel()
            results = await asyncio.gather(*loops, return_exceptions=True)
        for result in results:
            if isinstance(result, LedgerUnavailableError) and not isinstance(result, LedgerGoneError):
                raise LedgerGoneError(_gone(result)) from result
            if isinstance(result, Exception):
                raise result
        await self.machine.processes.wait(within=LINGER)

    async def _watch(self) -> None:
        """Show the progress; return when the goal is reached."""
        while True:
            began = time.monotonic()
            rows = await self.goal.look(self.database)
            cost = time.monotonic() - began
            self.display.update(rows)
            ended = sum(row.tasks_ended for row in rows)
            if ended != self._ended_tasks:
                self._ended_tasks, self._deaths = ended, 0
            if self.goal.reached:
                return
            # Counting a million tasks takes a while: it must not be what the ledger is busy with.
            await asyncio.sleep(max(self.goal.look_every, 20 * cost))

    async def _dispatch(self) -> None:
        """Report dead processes, take nudges, and reap on every tick."""
        reaped = float("-inf")
        while not self._over:
            left = max(0.0, reaped + self.goal.reap_every - time.monotonic())
            for event in await self.machine.inbox.for_dispatcher(within=left):
                await self.attempt(partial(self.machine.dispatch, event))
            lines = await self.attempt(self.machine.report_ended)
            for line in lines or ():
                self._died(line)
            if time.monotonic() - reaped >= self.goal.reap_every:
                reaped = time.monotonic()
                await self.attempt(partial(self.machine.dispatch, Reap().event()))
                await self.attempt(self._disown)

    async def _disown(self) -> None:
        """Take no more notice of processes whose invocation has ended in the ledger."""
        processes = self.machine.processes
        started = processes.invocations  # before the ledger is read: a process started meanwhile is not in the rows
        active = {invocation.id for invocation in await active_invocations(self.database)}
        await processes.disown([each for each in started if each not in active])

    async def _notify(self) -> None:
        """Drain at every nudge, also while an earlier drain waits for a channel that is slow: the others go on."""
        drains: set[asyncio.Task[object]] = set()
        try:
            while not self._over:
                drains.add(asyncio.create_task(self.attempt(self.machine.drain)))
                await self.machine.inbox.for_notifier(within=DRAIN_AT_LEAST)
                if len(drains) >= DRAINS:
                    await asyncio.wait(drains, return_when=asyncio.FIRST_COMPLETED)
                for drain in [each for each in drains if each.done()]:
                    drains.remove(drain)
                    drain.result()
            await asyncio.gather(*drains)
        finally:
            for drain in drains:
                drain.cancel()
            await asyncio.gather(*drains, return_exceptions=True)

    async def attempt(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Do something that may work the next time, as long as the ledger is there."""
        try:
            return await attempt()
        except LedgerUnavailableError as error:
            if not await self.ledger_answers():
                raise LedgerGoneError(_gone(error)) from error
        except (TransientError, JobsFailedError) as error:
            self._show_once(str(error))
        return None

    def _died(self, line: str) -> None:
        self._show_once(f"a crawler process died ({line}); its tasks go on in another")
        self._deaths += 1
        if self.goal.gives_up and self._deaths >= GIVE_UP_AFTER * self.machine.settings.most:
            raise StuckError(
                f"{self._deaths} crawler processes in a row died before a task ended; the last: {line}; "
                f"logs: {self.machine.settings.logs}"
            )

    def _show_once(self, line: str) -> None:
        if line not in self._shown:
            if len(self._shown) >= REMEMBERED:
                self._shown.clear()
            self._shown.add(line)
            self.display.line(line)

    async def _stop(self, interrupts: Interrupts) -> None:
        """End every process: in order until a second interrupt, then by force; and record in the ledger which died."""
        stopping = asyncio.create_task(self.machine.processes.stop(within=STOP_WITHIN))
        insisted = asyncio.create_task(interrupts.second.wait())
        await asyncio.wait({stopping, insisted}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        insisted.cancel()
        await asyncio.gather(stopping, insisted, return_exceptions=True)
        await self.machine.processes.kill()
        try:
            await self.machine.report_ended()
        except LedgerUnavailableError as error:
            self._show_once(f"not recorded, the next command will: {error}")


def _gone(error: LedgerUnavailableError) -> str:
    return f"the ledger went away: {error}; nothing recorded is lost, run the same command again to go on"
