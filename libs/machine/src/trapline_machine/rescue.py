"""Rescue on one machine: whatever can be told to be dead now is ended, and its tasks go back."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from trapline.access.one_machine import Ledger
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.lifecycle import ACTIVE
from trapline_common.ledger import lanes, rescue, retention, runs
from trapline_common.ledger.views import runs as run_views
from trapline_common.ledger.views.runs import InvocationRow
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_machine.process_identity import is_dead
from trapline_machine.process_registry import Registry
from trapline_machine.settings import RuntimeSettings

_EVERY = 1_000_000
"""Active invocations read at most: lanes are capped at 10,000 each."""
_RETIRE_WITHIN = 60.0
"""Seconds. What is left then, the next reap deletes."""
_GONE = "ProcessGone: its process on this machine is gone"


@dataclass(slots=True, kw_only=True)
class Reaped:
    """What was done, in numbers: of invocations (``gone``: their process here has ended), of tasks, of runs, of rows deleted."""

    gone: int = 0
    orphaned: int = 0
    returned: int = 0
    poisoned: int = 0
    ended: int = 0
    retired: int = 0


async def reap(ledger: Ledger, *, environ: Mapping[str, str], data_dir: Path) -> dict[str, int]:
    """Rescue everything that can be told to be dead now, and delete what was kept long enough. Raises ``LedgerUnavailableError``."""
    settings = RuntimeSettings.read(environ, data_dir=data_dir, max_invocations=None)
    done = Reaped()
    place = DirectoryArtifacts(settings.artifacts).place
    registry = Registry(folder=settings.data_dir / "processes")
    active = await run_views.list_invocations(ledger.database, limit=_EVERY, statuses=tuple(ACTIVE))
    for invocation in active:
        request_id = _of_dead_process(invocation, registry)
        if request_id is not None and await rescue.fail_reported(
            ledger.database, InvocationId(invocation.id), request_id=request_id, reason=_GONE, place=place
        ):
            done.gone += 1
            done.returned += invocation.leased
    # On one machine an invocation may wait long for a free core; on AWS none starts later than this.
    pending_ttl = rescue.PENDING_TTL if settings.database_url else settings.limits.pending_ttl
    for lane in await lanes.busy_lanes(ledger.database):
        found = await rescue.reap_lane(
            ledger.database, lane, place=place, pending_ttl=pending_ttl, heartbeat_ttl=settings.heartbeat_ttl
        )
        done.orphaned += len(found.orphaned)
        done.returned += len(found.returned)
        done.poisoned += len(found.poisoned)
    for run_id in await runs.endable(ledger.database):
        done.ended += await runs.end_if_done(ledger.database, run_id)
    if settings.retention is not None:
        gone = await retention.retire(ledger.database, settings.retention, within=_RETIRE_WITHIN, clock=time.monotonic)
        done.retired = gone.rows
    return asdict(done)


def _of_dead_process(invocation: InvocationRow, registry: Registry) -> str | None:
    """Return the request id under which an invocation ran here, if its process has ended."""
    if invocation.request_id is None:
        return registry.dead(invocation.id)
    return invocation.request_id if invocation.place and is_dead(invocation.place) else None
