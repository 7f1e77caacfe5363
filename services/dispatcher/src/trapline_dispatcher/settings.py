"""The dispatcher's settings, read once from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.invocations import ASK_AGAIN_AFTER
from trapline_common.ledger.rescue import HEARTBEAT_TTL, PENDING_TTL
from trapline_common.ledger.retention import Retention
from trapline_common.ledger.runs import RESUME_OPENING_AFTER

UNEXPANDED_TICKS = "TRAPLINE_UNEXPANDED_TICKS"
DATABASE_MINUTE = "database-minute"
REFUSED = "refused"

LONGEST_PAUSE = 50.0
"""Seconds after a false start: less than a minute, so that the next minute's tick is never refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long the dispatcher waits before it steps in; all in seconds. ``longest_pause``: of a lane that can't start."""

    ask_again_after: float = ASK_AGAIN_AFTER
    pending_ttl: float = PENDING_TTL
    heartbeat_ttl: float = HEARTBEAT_TTL
    resume_opening_after: float = RESUME_OPENING_AFTER
    give_up_opening_after: float = 3600.0
    longest_pause: float = LONGEST_PAUSE
    retire_within: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``unexpanded_ticks``: the schedule's time placeholder arrives as it is; the database's minute takes its place.

    ``runs``: where each ended run is archived, an ``s3://`` URL or a folder. ``retention`` None: nothing that ended is ever
    deleted; where runs are archived, one goes only after that.
    """

    database_url: str
    config: str
    artifacts: str
    crawler_function: str
    notifier_function: str
    unexpanded_ticks: bool = False
    runs: str | None = None
    retention: Retention | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment. Raises ``InputRefusedError`` that names what is missing or wrong."""
        names = {
            "database_url": "DATABASE_URL",
            "config": "TRAPLINE_CONFIG",
            "artifacts": "TRAPLINE_ARTIFACTS",
            "crawler_function": "TRAPLINE_CRAWLER_FUNCTION",
            "notifier_function": "TRAPLINE_NOTIFIER_FUNCTION",
        }
        missing = [variable for variable in names.values() if not environ.get(variable)]
        if missing:
            raise InputRefusedError(f"environment: {', '.join(missing)} must be set")
        ticks = environ.get(UNEXPANDED_TICKS) or REFUSED
        if ticks not in {REFUSED, DATABASE_MINUTE}:
            raise InputRefusedError(
                f"environment: {UNEXPANDED_TICKS} is {ticks!r}; it is {REFUSED} or {DATABASE_MINUTE}"
            )
        return cls(
            **{field: environ[variable] for field, variable in names.items()},
            unexpanded_ticks=ticks == DATABASE_MINUTE,
            runs=environ.get("TRAPLINE_RUNS") or None,
            retention=Retention.read(environ, archived_only=bool(environ.get("TRAPLINE_RUNS"))),
        )
