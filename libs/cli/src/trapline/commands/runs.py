"""``trapline runs``: the runs, newest first."""

import asyncio
from enum import StrEnum
from functools import partial

import typer

from trapline.access.options import DEFAULT_DATA_DIR, CrawlFilter, DatabaseUrl, DataDir, Json, LaneFilter, Limit
from trapline.listing import Listing
from trapline.render.tables.runs import run_table
from trapline_common.ledger.views.runs import list_runs


class RunState(StrEnum):
    """What ``--status`` takes: a run's status, or an ended one's outcome."""

    OPENING = "opening"
    OPEN = "open"
    ENDED = "ended"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    CANCELLED = "cancelled"


def runs(
    crawl: CrawlFilter = None,
    status: RunState | None = typer.Option(
        None, "--status", "-s", help="Only runs in this status or with this outcome."
    ),
    lane: LaneFilter = None,
    failed: bool = typer.Option(False, "--failed", help="Only runs with a failed task, or that were refused."),
    limit: Limit = 20,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """List runs, newest first, with how far they are: tasks, done, failed, changed pages.

    Exits with 0, also when there is none.

    Examples:

      trapline runs
      trapline runs --crawl pricing --failed
      trapline runs --status open --json
    """
    listing = Listing(
        name="runs",
        read=partial(list_runs, limit=limit, crawl=crawl, lane=lane, status=status, failed=failed),
        table=run_table,
        limit=limit,
    )
    asyncio.run(listing.show(data_dir=data_dir, database_url=database_url, json=json))
