"""The one-machine runtime's settings, read once from the command line and the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from trapline.render.artifact_location import ARTIFACTS
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.rescue import HEARTBEAT_TTL
from trapline_common.ledger.retention import Retention
from trapline_dispatcher.settings import Timeouts

INVOCATION_SECONDS = 3600.0
"""A crawler process works this long at most; then it hands back and another takes over, with a fresh browser."""
ASK_AGAIN_AFTER = 5.0
"""Seconds. Starting a process takes milliseconds: a row asked for longer ago was lost with the command that asked."""
BELIEVED_AFTER = 0.0
"""Seconds. Who reports a crawler as failed here has seen its process end, and no event is delivered twice."""
PENDING_TTL = 86_400.0
"""Seconds. Here an invocation may wait that long for a free core; dead processes are recognised, not timed out."""
RESUME_OPENING_AFTER = 5.0
"""Seconds from one attempt at opening a run to the next: a person waits."""
GIVE_UP_OPENING_AFTER = 30.0
"""Seconds a sitemap that can't be fetched is asked for again: a person waits."""
EXPAND_WITHIN = 840.0
"""Seconds for the sitemap files of one run: less than the dispatcher gets for one event here."""
LONGEST_PAUSE = 4.0
"""Seconds between two starts of crawlers that die at once; ``event_loop.GIVE_UP_AFTER`` ends the command soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What the command line and the environment say of this machine."""

    data_dir: Path
    """``--data-dir``, absolute: the embedded Postgres, artifacts, logs and the registry of processes are in it."""
    database_url: str | None
    """``DATABASE_URL``; ``None``: the embedded Postgres in ``data_dir``."""
    most: int
    """``--max-invocations``, else the number of cores: crawler processes on this machine at once. ``lane_plan.py`` says
    how many a lane asks for."""
    strict: bool
    """Whether ``most`` was asked for; otherwise each busy lane has at least one process."""
    invocation_seconds: float
    """``TRAPLINE_INVOCATION_SECONDS``: how long a crawler process works at most."""
    heartbeat_ttl: float
    """``TRAPLINE_HEARTBEAT_TTL``: seconds without a heartbeat until an invocation is orphaned."""
    cores: int
    """Cores that the crawlers share."""
    runs: Path | None = None
    """``TRAPLINE_RUNS``: the folder that each ended run is archived in; ``None``: none is."""
    retention: Retention | None = None
    """How long ended runs are kept; ``None``: for ever."""
    attended: bool = True
    """Whether a person waits for what this command does, and would rather hear of a failure soon."""

    @classmethod
    def read(cls, environ: Mapping[str, str], *, data_dir: Path, max_invocations: int | None) -> Self:
        """Put the command line and the environment together. Raises ``InputRefusedError`` that names the variable."""
        _check_temporary(environ)
        return cls(
            data_dir=data_dir.resolve(),
            database_url=environ.get("DATABASE_URL") or None,
            most=max_invocations or cores(),
            cores=cores(),
            strict=max_invocations is not None,
            invocation_seconds=_seconds(environ, "TRAPLINE_INVOCATION_SECONDS", INVOCATION_SECONDS),
            heartbeat_ttl=_seconds(environ, "TRAPLINE_HEARTBEAT_TTL", HEARTBEAT_TTL),
            runs=_folder(environ, "TRAPLINE_RUNS"),
            retention=Retention.read(environ, archived_only=bool(environ.get("TRAPLINE_RUNS"))),
        )

    @property
    def artifacts(self) -> Path:
        """Return the folder of screenshots and texts."""
        return self.data_dir / ARTIFACTS

    @property
    def logs(self) -> Path:
        """Return the folder of logs."""
        return self.data_dir / "logs"

    @property
    def processes(self) -> Path:
        """Return the folder of the registry of crawler processes."""
        return self.data_dir / "processes"

    @property
    def timeouts(self) -> Timeouts:
        """Return how long the dispatcher waits on this machine before it steps in."""
        patient = Timeouts(
            ask_again_after=ASK_AGAIN_AFTER,
            pending_ttl=PENDING_TTL,
            heartbeat_ttl=self.heartbeat_ttl,
            believed_after=BELIEVED_AFTER,
            expand_within=EXPAND_WITHIN,
        )
        if not self.attended:
            return patient
        return replace(
            patient,
            resume_opening_after=RESUME_OPENING_AFTER,
            give_up_opening_after=GIVE_UP_OPENING_AFTER,
            longest_pause=LONGEST_PAUSE,
        )


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_temporary(environ: Mapping[str, str]) -> None:
    """Refuse a ``TMPDIR`` that can't be used: Python takes another folder, the browser none, and each visit fails."""
    folder = environ.get("TMPDIR")
    if folder and not (Path(folder).is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)):
        raise InputRefusedError(f"environment: TMPDIR: {folder!r} is no folder that this user may write")


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
