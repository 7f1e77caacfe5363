"""``trapline invocations``: the calls of the crawler, newest first."""

import asyncio
from functools import partial

import typer

from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, LaneFilter, Limit, RunFilter
from trapline.listing import Listing
from trapline.render.tables.tasks import invocation_table
from trapline_common.domain.lifecycle import ACTIVE, InvocationStatus
from trapline_common.ledger.views.invocations import list_invocations


def invocations(
    lane: LaneFilter = None,
    status: InvocationStatus | None = typer.Option(None, "--status", "-s", help="Only invocations in this status."),
    run: RunFilter = None,
    active: bool = typer.Option(False, "--active", help="Only created, pending, ready and running ones."),
    failed: bool = typer.Option(False, "--failed", help="Only failed and orphaned ones."),
    limit: Limit = 20,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """List invocations of the crawler, newest first, with their last heartbeat and how they ended.

    --run shows those that were the last to hold a task of that run. Ages go by the database's clock. VIA is how each
    was asked for, and WAVE the name of its execution, in a lane whose orchestrator is not `self`; --json has the whole
    name.

    Exits with 0, also when there is none.

    Examples:

      trapline invocations --active
      trapline invocations --failed --lane polite
      trapline invocations --run 7 --json
    """
    if sum((status is not None, active, failed)) > 1:
        raise typer.BadParameter("--status, --active and --failed exclude each other")
    listing = Listing(
        name="invocations",
        read=partial(
            list_invocations,
            limit=limit,
            lane=lane,
            statuses=_chosen(status, active=active, failed=failed),
            run_id=run,
        ),
        table=invocation_table,
        limit=limit,
    )
    asyncio.run(listing.show(data_dir=data_dir, database_url=database_url, json=json))


def _chosen(status: InvocationStatus | None, *, active: bool, failed: bool) -> tuple[str, ...] | None:
    if status is not None:
        return (status,)
    if failed:
        return (InvocationStatus.FAILED, InvocationStatus.ORPHANED)
    return tuple(sorted(ACTIVE)) if active else None
