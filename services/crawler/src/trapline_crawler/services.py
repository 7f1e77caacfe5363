"""What one invocation of the crawler works with; ``wiring`` builds it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from trapline_common.domain.ports import ArtifactStore, Nudger, SecretSource
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger.connection import Database
from trapline_crawler.ports import Visitor
from trapline_crawler.sessions.seal import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: between heartbeats; kept back at the end to hand back and say goodbye; waited for a retry of our own.

    ``patience``: waited for a host's turn before its task is put off. ``log_in_every``: seconds at least between two log-ins of one crawl.
    """

    heartbeat: float = 5.0
    reserve: float = 10.0
    linger: float = 15.0
    patience: float = 15.0
    log_in_every: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """``visitor`` makes one per invocation. ``host`` is where this process runs, for people: a log stream or a process.

    ``fetch`` gets robots.txt.
    """

    connect: Callable[[], Awaitable[Database]]
    visitor: Callable[[], Visitor]
    artifacts: ArtifactStore
    nudger: Nudger
    secrets: SecretSource
    fetch: Fetch
    seal: Seal
    host: str
    pace: Pace = field(default_factory=Pace)
    new_token: Callable[[], UUID] = uuid4
