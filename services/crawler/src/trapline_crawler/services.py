"""What one invocation of the crawler works with; ``wiring`` builds it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from trapline_common.domain.answers import Checked
from trapline_common.domain.ports import Announcer, ArtifactStore, Nudger, SecretSource, Waiters
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger.connection import Database
from trapline_common.ledger.rescue import LONGEST_SILENCE
from trapline_common.platform.lambda_runtime import Clock
from trapline_common.platform.process_alarm import Alarm, ProcessAlarm
from trapline_common.platform.suspend_clock import suspend_aware_clock
from trapline_crawler.browser.driver_ahead import DriverAhead
from trapline_crawler.machine_load import Load, MachineLoad
from trapline_crawler.ports import Visitor
from trapline_crawler.sessions.seal import Seal

SHORTEST_SILENCE = 3.0
"""Seconds; heartbeats far apart enough for a real ledger make it longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How an invocation spends its time. ``wiring`` sets the heartbeat; the rest are the crawler's own values."""

    heartbeat: float = 5.0
    """Seconds between heartbeats."""
    reserve: float = 10.0
    """Seconds kept back at the end: to hand back tasks, close the browser and write the invocation's status."""
    linger: float = 15.0
    """Seconds that an idle invocation waits at most for a retry of its own that becomes due."""
    patience: float = 15.0
    """Seconds that a task waits at most for its host's turn; then it is put off."""
    log_in_every: float = 30.0
    """Seconds at least between two log-ins of one crawl."""
    reassurance: float = 60.0
    """Seconds between two signs of life for whoever waits with a task token; its time-out is several of them."""
    silence: float | None = None
    """Seconds without a heartbeat that reached the ledger, after which an invocation ends by itself; ``None``: six
    heartbeats, between ``SHORTEST_SILENCE`` and ``LONGEST_SILENCE``."""

    @property
    def longest_silence(self) -> float:
        """Seconds without the ledger after which an invocation ends by itself: below the heartbeats' time to live."""
        if self.silence is not None:
            return self.silence
        return min(LONGEST_SILENCE, max(SHORTEST_SILENCE, 6 * self.heartbeat))


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The adapters and settings of one invocation."""

    connect: Callable[[], Awaitable[Database]]
    """Opens the invocation's one connection to the ledger."""
    visitor: Callable[[], Visitor]
    """Makes the invocation's visitor; its browser is not launched yet."""
    artifacts: ArtifactStore
    """Takes screenshots and HTML."""
    nudger: Nudger
    """Sends nudges to dispatcher and notifier."""
    secrets: SecretSource
    """Resolves ``${secret:NAME}``."""
    fetch: Fetch
    """Fetches robots.txt."""
    seal: Seal
    """Encrypts sessions and checkpoints."""
    waiters: Waiters | None = None
    """Answers task tokens; ``None`` where nobody waits with one: on one machine, and without such a lane."""
    announcer: Announcer | None = None
    """Announces ends of runs; ``None`` where nobody subscribes: on one machine."""
    process_name: str
    """The name of this process, for people: its log stream on Lambda, host and process on one machine."""
    ahead: DriverAhead | None = None
    """The driver of the next browser, if it is to start before; ``None``: it starts with the browser."""
    check: Callable[[], Awaitable[Checked]] | None = None
    """Has each profile of the browser go through its self-test; ``None``: nobody asks for that here."""
    pace: Pace = field(default_factory=Pace)
    """How the invocation spends its time."""
    new_token: Callable[[], UUID] = uuid4
    """Makes the owner token of ``-> ready``."""
    new_load: Callable[[], Callable[[], Load]] = MachineLoad
    """Makes what tells an invocation how busy everything is since it was last asked."""
    clock: Clock = suspend_aware_clock
    """Tells how long the ledger was silent."""
    alarm: Alarm = field(default_factory=ProcessAlarm)
    """Ends the process when the ledger was silent for too long and the event loop did not see to that."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Database]:
        """Yield a call's connection to the ledger; beside it, and the first statements, the browser's driver starts.

        Raises ``LedgerUnavailableError``. A driver that no browser took ends with the call, unless it is kept.
        """
        async with self.ahead or nullcontext(), await self.connect() as database:
            yield database
