"""Retention on one machine: rows first, then the files that no row names any more."""

import time

from trapline_common.ledger.connection import Database
from trapline_common.ledger.retention import retire
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.platform.text import counted
from trapline_machine.artifact_sweep import sweep_artifacts
from trapline_machine.progress import ProgressDisplay
from trapline_machine.settings import RuntimeSettings

RETIRE_WITHIN = 10.0
"""Seconds. The next time deletes the rest."""


async def retire_here(settings: RuntimeSettings, database: Database, display: ProgressDisplay) -> None:
    """Delete what has been kept long enough, for a bounded time, and say how much that was."""
    if settings.retention is None:
        return
    found = await retire(database, settings.retention, within=RETIRE_WITHIN, clock=time.monotonic)
    files = await sweep_artifacts(database, DirectoryArtifacts(settings.artifacts))
    if found.rows or files:
        what = f"{counted(found.rows, 'row')} and {counted(files, 'artifact')}"
        display.line(f"{what} deleted that ended more than {settings.retention.days} days ago")
