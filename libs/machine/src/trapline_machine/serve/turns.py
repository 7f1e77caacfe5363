"""What ``trapline serve`` does besides working runs: it fires schedules, watches its file, and keeps house."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger import known_crawls, serving
from trapline_common.ledger.connection import Database
from trapline_machine.event_loop import EventLoop
from trapline_machine.lane_plan import planned
from trapline_machine.logs import prune
from trapline_machine.machine import Machine
from trapline_machine.progress import ProgressDisplay
from trapline_machine.rescue import end_gone
from trapline_machine.retirement import retire_here
from trapline_machine.serve import served_file
from trapline_machine.serve.schedule_keeper import ScheduleKeeper
from trapline_machine.serve.served_file import ServedFile
from trapline_machine.settings import RuntimeSettings

SEEN_EVERY = 60.0
"""Seconds between two notes that this process lives, and two looks for processes that do not."""
RETIRE_EVERY = 60
"""Such turns between two deletions of what has been kept long enough."""


@dataclass(slots=True, kw_only=True)
class Turns:
    """The loops beside the one that works runs."""

    settings: RuntimeSettings
    """What the command line and the environment say of this machine."""
    file: ServedFile
    """The file that is served."""
    source: str
    """The ledger's name for it."""
    database: Database
    """The command's own connection."""
    machine: Machine
    """The dispatcher, the notifier and the crawlers' processes."""
    keeper: ScheduleKeeper
    """Fires the schedules."""
    display: ProgressDisplay
    """Where lines go."""

    def loops(self, work: EventLoop) -> Sequence[Callable[[], Awaitable[None]]]:
        """Return the loops; none of them ends by itself."""
        return (
            partial(self._repeat, work, self.keeper.fire, every=self.keeper.clock.look_every),
            partial(self._repeat, work, self._look_at_the_file, every=served_file.LOOK_EVERY),
            partial(self._keep_house, work),
        )

    async def take_config(self) -> None:
        """Bring the ledger and the schedules up to date with the config in force."""
        await known_crawls.take(self.database, self.file.config.crawls.values(), source=self.source)
        await self.keeper.keep(planned(self.file.config, self.machine.settings))

    async def _repeat(self, work: EventLoop, turn: Callable[[], Awaitable[None]], *, every: float) -> None:
        while True:
            await work.attempt(turn)
            await asyncio.sleep(every)

    async def _look_at_the_file(self) -> None:
        if not await self.file.changed():
            return
        if self.file.refused is None:
            try:
                await self.machine.read_channels()
            except InputRefusedError as error:  # it changed once more meanwhile, or lacks a secret by now
                self.file.refused = str(error)
        await serving.note_refused(self.database, self.file.refused)
        if self.file.refused is not None:
            self.display.line(f"{self.file.refused}\n{self.file.path} is refused; what it said before goes on")
            return
        await self.take_config()
        self.display.line(f"{self.file.path} was read again")

    async def _keep_house(self, work: EventLoop) -> None:
        turn = 0
        while True:
            await work.attempt(partial(serving.seen, self.database))
            await work.attempt(self._rescue)
            if turn % RETIRE_EVERY == 0:
                await work.attempt(partial(retire_here, self.settings, self.database, self.display))
                await asyncio.to_thread(prune, self.settings.logs)
            turn += 1
            await asyncio.sleep(SEEN_EVERY)

    async def _rescue(self) -> None:
        """End what processes of other commands left when they were killed."""
        await end_gone(self.database, self.machine.registry, location=self.machine.dispatcher.location)
