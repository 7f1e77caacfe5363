"""``trapline reap``: rescue by hand what the minute tick would rescue."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from trapline.commands.access import Ledger, writing
from trapline.commands.nudging import count_again
from trapline.commands.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.output import note
from trapline.output_json import print_json
from trapline.output_units import counted
from trapline.runtime.identity import is_dead
from trapline.runtime.registry import Registry
from trapline.runtime.settings import RuntimeSettings
from trapline_common.ids import InvocationId
from trapline_common.lifecycle import ACTIVE
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.store import lanes, reads, rescue, runs
from trapline_common.store.reads import InvocationRow
from trapline_common.store.reads_status import read_status

_EVERY = 1_000_000
"""Active invocations read at most: lanes are capped at 10,000 each."""
_GONE = "ProcessGone: its process on this machine is gone"


@dataclass(slots=True, kw_only=True)
class Reaped:
    """What was done, in numbers: of invocations (``gone``: their process here has ended), of tasks, and of runs."""

    gone: int = 0
    orphaned: int = 0
    returned: int = 0
    poisoned: int = 0
    ended: int = 0


def reap(
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Rescue by hand: give back the tasks of crawlers that died, and end runs that have none left.

    The minute tick does this on AWS, and `trapline crawl` when it starts. Starts no crawler itself.

    Examples:

      trapline reap
      trapline reap --json
    """
    asyncio.run(_reap(json=json, data_dir=data_dir, url=database_url))


async def _reap(*, json: bool, data_dir: Path, url: str | None) -> None:
    settings = RuntimeSettings.read({**os.environ, "DATABASE_URL": url or ""}, data_dir=data_dir, max_invocations=None)
    async with writing(data_dir, url) as ledger:
        done = await rescued(ledger, settings)
        waiting = sum(lane.waiting for lane in (await read_status(ledger.database, failing=1)).lanes)
        for lane in await lanes.busy_lanes(ledger.database):
            await count_again(ledger.dsn, lane)
    if json:
        print_json(done)
        return
    for line in _told(done):
        print(line)
    if waiting:
        note(f"{counted(waiting, 'task waits', 'tasks wait')}; the next tick or `trapline crawl` takes them")


async def rescued(ledger: Ledger, settings: RuntimeSettings) -> Reaped:
    """Rescue everything that can be told to be dead now. Raises ``LedgerUnavailableError``."""
    done = Reaped()
    place = DirectoryArtifacts(settings.artifacts).place
    registry = Registry(folder=settings.data_dir / "processes")
    active = await reads.list_invocations(ledger.database, limit=_EVERY, statuses=tuple(ACTIVE))
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
    return done


def _of_dead_process(invocation: InvocationRow, registry: Registry) -> str | None:
    """Return the request id under which an invocation ran here, if its process has ended."""
    if invocation.request_id is None:
        return registry.dead(invocation.id)
    return invocation.request_id if invocation.place and is_dead(invocation.place) else None


def _told(done: Reaped) -> list[str]:
    lines = [
        (done.gone, "{} ended: the process is gone", "invocation"),
        (done.orphaned, "{} orphaned: never started, or stopped beating", "invocation"),
        (done.returned, "{} given back", "task"),
        (done.poisoned, "{} failed as poison: every invocation that took it died", "task"),
        (done.ended, "{} ended: no task was left", "run"),
    ]
    return [text.format(counted(number, word)) for number, text, word in lines if number] or ["nothing to rescue"]
