"""What the dispatcher works with; ``wiring`` builds it for Lambda, the one-machine runtime builds its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trapline_common.config.models import Config
from trapline_common.domain.ports import Archive, Invoker, Nudger
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import Retention
from trapline_dispatcher.settings import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """``at_most`` lowers every lane's cap, for a machine that can't bear it. ``place``: where a person finds an artifact.

    ``archive``: where ended runs go; ``None``: they stay in the ledger alone. ``retention`` None: the reap tick deletes nothing.
    """

    connect: Callable[[], Awaitable[Database]]
    config: Callable[[], Awaitable[Config]]
    invoker: Invoker
    nudger: Nudger
    fetch: Fetch
    place: Callable[[str], str]
    at_most: int | None = None
    unexpanded_ticks: bool = False
    archive: Archive | None = None
    retention: Retention | None = None
    limits: Limits = field(default_factory=Limits)
