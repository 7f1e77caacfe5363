"""What the one-machine runtime reads from the command line and the environment, once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.rescue import HEARTBEAT_TTL
from trapline_common.ledger.retention import Retention
from trapline_dispatcher.settings import Limits

INVOCATION_SECONDS = 3600.0
"""A crawler process works this long at most; then it hands back and another takes over, with a fresh browser."""
ASK_AGAIN_AFTER = 5.0
"""Seconds. Starting a process takes milliseconds: a row asked for longer ago was lost with the command that asked."""
PENDING_TTL = 86_400.0
"""Seconds. Here an invocation may wait that long for a free core; dead processes are recognised, not timed out."""
RESUME_OPENING_AFTER = 5.0
GIVE_UP_OPENING_AFTER = 30.0
"""Seconds a sitemap that can't be fetched is asked for again: a person waits."""
LONGEST_PAUSE = 4.0
"""Seconds between two starts of crawlers that die at once; ``round.GIVE_UP_AFTER`` ends the command soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """``database_url`` None: the embedded Postgres in ``data_dir``. ``most`` bounds processes on this machine.

    ``strict``: ``most`` was asked for; otherwise each busy lane has at least one process. Seconds everywhere.
    ``runs``: the folder that each ended run is archived in. ``retention`` None: nothing is deleted.
    """

    data_dir: Path
    database_url: str | None
    most: int
    strict: bool
    invocation_seconds: float
    heartbeat_ttl: float
    runs: Path | None = None
    retention: Retention | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], *, data_dir: Path, max_invocations: int | None) -> Self:
        """Put the command line and the environment together. Raises ``InputRefusedError`` that names the variable."""
        return cls(
            data_dir=data_dir.resolve(),
            database_url=environ.get("DATABASE_URL") or None,
            most=max_invocations or cores(),
            strict=max_invocations is not None,
            invocation_seconds=_seconds(environ, "TRAPLINE_INVOCATION_SECONDS", INVOCATION_SECONDS),
            heartbeat_ttl=_seconds(environ, "TRAPLINE_HEARTBEAT_TTL", HEARTBEAT_TTL),
            runs=_folder(environ, "TRAPLINE_RUNS"),
            retention=Retention.read(environ, archived_only=bool(environ.get("TRAPLINE_RUNS"))),
        )

    @property
    def artifacts(self) -> Path:
        return self.data_dir / "artifacts"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def limits(self) -> Limits:
        return Limits(
            ask_again_after=ASK_AGAIN_AFTER,
            pending_ttl=PENDING_TTL,
            heartbeat_ttl=self.heartbeat_ttl,
            resume_opening_after=RESUME_OPENING_AFTER,
            give_up_opening_after=GIVE_UP_OPENING_AFTER,
            longest_pause=LONGEST_PAUSE,
        )


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    if not text:
        return None
    if "://" in text:
        raise InputRefusedError(f"environment: {name}: {text!r} is no folder; on one machine runs are archived in one")
    return Path(text).resolve()


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise InputRefusedError(f"environment: {name}: {text!r} is not a number of seconds")
    return value
