"""Rescue on one machine, where a process that has ended is seen at once: no heartbeat's time has to run out."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trapline.access.one_machine import Ledger
from trapline_common.domain.answers import Reaped
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import mutes, rescue, retention, runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.ledger.views.invocations import InvocationRow, active_invocations
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.artifact_sweep import sweep_artifacts
from trapline_machine.process_identity import is_dead
from trapline_machine.process_registry import Registry
from trapline_machine.settings import RuntimeSettings

_RETIRE_WITHIN = 60.0
"""Seconds. The next reap deletes the rest."""
_GONE = "ProcessGone"
_GONE_DETAIL = "its process on this machine is gone"
"""Why such an invocation ended, as `trapline invocations` shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Invocations that were ended because their process on this machine had."""

    invocations: int
    """How many there were."""
    tasks: int
    """Tasks that they held, and that went back."""


async def end_gone(database: Database, registry: Registry, *, location: ArtifactLocation) -> Gone:
    """End the invocations whose process on this machine has ended, and give their tasks back.

    Without this their tasks would wait until the heartbeats' time has run out. ``location``: where a person finds an
    artifact, for the alert of a poison page.
    """
    active = await active_invocations(database)
    invocations = tasks = 0
    for invocation in active:
        request_id = _request_of_gone(invocation, registry)
        if request_id is not None and await rescue.fail_reported(
            database,
            InvocationId(invocation.id),
            request_id=request_id,
            reason=_GONE,
            detail=_GONE_DETAIL,
            silent_for=0,
            location=location,
        ):
            invocations += 1
            tasks += invocation.leased
    await asyncio.to_thread(registry.sweep, {invocation.id for invocation in active})
    return Gone(invocations=invocations, tasks=tasks)


async def reap_here(ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path) -> Reaped:
    """Rescue on this machine, end runs, and delete what was kept long enough; start nothing.

    Raises ``TransientError`` or ``JobsFailedError`` for what could not be rescued or ended, when the rest was.
    """
    settings = RuntimeSettings.read(environ, data_dir=data_dir, max_invocations=None)
    database, location = ledger.database, DirectoryArtifacts(settings.artifacts).location
    gone = await end_gone(database, Registry(folder=settings.processes), location=location)
    async with SeparateJobs(database, connect=partial(Database.connect, ledger.dsn)) as jobs:
        reaped = await rescue.reap_lanes(
            jobs,
            location=location,
            # On one machine an invocation may wait long for a free core; on AWS none starts later than this.
            pending_ttl=rescue.PENDING_TTL if settings.database_url else settings.timeouts.pending_ttl,
            heartbeat_ttl=settings.heartbeat_ttl,
        )
        ended = await runs.end_all_done(jobs)
        await jobs.run(
            "finish what was begun",
            partial(runs.finish_begun, within=settings.timeouts.finish_within, clock=time.monotonic),
            instead=0,
        )
        await jobs.run("mutes that are over", mutes.end_over, instead=0)
        jobs.tell()
    retired = 0
    if settings.retention is not None:
        found = await retention.retire(database, settings.retention, within=_RETIRE_WITHIN, clock=time.monotonic)
        retired = found.rows
        await sweep_artifacts(database, DirectoryArtifacts(settings.artifacts))
    return Reaped(
        gone=gone.invocations,
        orphaned=len(reaped.orphaned),
        returned=gone.tasks + len(reaped.returned),
        poisoned=len(reaped.poisoned),
        ended=ended,
        retired=retired,
    )


def _request_of_gone(invocation: InvocationRow, registry: Registry) -> str | None:
    """Return the request id under which an invocation ran here, if its process has ended."""
    if invocation.request_id is None:
        return registry.dead(invocation.id)
    return invocation.request_id if invocation.place and is_dead(invocation.place) else None
