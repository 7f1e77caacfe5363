"""The dispatcher's parts; ``wiring`` builds them for Lambda, the one-machine runtime builds its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from trapline_common.config.models import Config
from trapline_common.domain.ports import (
    Announcer,
    Archive,
    ArtifactLocation,
    Invoker,
    Nudger,
    SecretSource,
    TickSchedule,
    Waiters,
    Waves,
)
from trapline_common.domain.stored_artifacts import Keeping
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.tick import Chores
from trapline_dispatcher.settings import Timeouts

DEPLOYMENT = "deployment"
"""The ledger's name for the file that a deployment has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The dispatcher's parts, the same for every event; each event opens a connection of its own."""

    connect: Callable[[], Awaitable[Database]]
    """Opens a connection to the ledger; the caller closes it."""
    config: Callable[[], Awaitable[Config]]
    """Reads and checks ``crawls.yaml``."""
    invoker: Invoker
    """Starts crawlers."""
    durable: Invoker | None = None
    """Starts executions of the durable crawler; ``None``: there is none, and ``invoker`` starts a crawler instead."""
    waves: Waves | None = None
    """Starts executions that call crawlers; ``None``: there is no such machine, and ``invoker`` starts each."""
    waiters: Waiters | None = None
    """Answers who waits for an end with a task token; ``None``: nobody does."""
    announcer: Announcer | None = None
    """Announces runs that ended; ``None``: nobody can subscribe."""
    nudger: Nudger
    """Wakes the notifier."""
    fetch: Fetch
    """Fetches sitemaps, through the egress gate."""
    secrets: SecretSource
    """Resolves the secrets in the headers and cookies that a sitemap is fetched with."""
    location: ArtifactLocation
    """Returns where a person finds an artifact, by its key."""
    at_most: int | None = None
    """Lowers every lane's cap, for a machine or an account that can't bear it; ``None``: the lanes' own caps."""
    pages: int | None = None
    """Pages that a machine loads at once, which lowers a lane's cap too; ``None``: as many as its crawlers do."""
    limits_by_config: bool = False
    """Whether the reap tick brings the limits of busy lanes, and the crawls that there are, up to date with the config:
    where one config is everyone's, on AWS and under `trapline serve`. Each `trapline crawl` has a file of its own, and
    the newest run's counts."""
    source: str = DEPLOYMENT
    """The ledger's name for the file that ``config`` reads."""
    tells_nothing_due: bool = False
    """Whether the reap tick logs, each hour, that no run was due: where an alarm waits for signs of life."""
    unexpanded_ticks: bool = False
    """Whether a tick may arrive with the scheduler's placeholder in place of its time; see ``runs/tick_time.py``."""
    archive: Archive | None = None
    """Where ended runs go; ``None``: they stay in the ledger alone."""
    retention: Retention | None = None
    """What the reap tick deletes; ``None``: nothing."""
    keeping: Keeping | None = None
    """The bucket in which the reap tick deletes what retention un-named; ``None``: who has the store does it."""
    tick: TickSchedule | None = None
    """The schedule of the reap tick, which sleeps while nothing is due; ``None``: it never does."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The time where the ledger, whose clock counts otherwise, is not to be asked: of a tick that sleeps."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """How long the dispatcher waits before it steps in."""
    new_wave: Callable[[], UUID] = uuid4
    """Makes the name of an execution."""

    @property
    def chores(self) -> Chores:
        """What the reap tick does here beside runs and alerts."""
        return Chores(
            archives=self.archive is not None,
            answers=self.waiters is not None,
            retention=self.retention,
            store=None if self.keeping is None else self.keeping.store.name,
        )
