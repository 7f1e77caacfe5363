"""``trapline tasks``: the tasks, newest first."""

import asyncio
from functools import partial

import typer

from trapline.access.options import (
    DEFAULT_DATA_DIR,
    CrawlFilter,
    DatabaseUrl,
    DataDir,
    Json,
    LaneFilter,
    Limit,
    RunFilter,
)
from trapline.listing import Listing
from trapline.render.tables.tasks import task_table
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.ledger.views.tasks import list_tasks


def tasks(
    run: RunFilter = None,
    crawl: CrawlFilter = None,
    lane: LaneFilter = None,
    status: TaskStatus | None = typer.Option(None, "--status", "-s", help="Only tasks in this status."),
    failed: bool = typer.Option(False, "--failed", help="The same as --status failed."),
    url: str | None = typer.Option(None, "--url", metavar="PART", help="Only tasks whose URL contains this text."),
    limit: Limit = 50,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """List tasks, newest first, with their state, when they ended or are due, and why they failed.

    Exits with 0, also when there is none.

    Examples:

      trapline tasks --run 7 --failed
      trapline tasks --status leased
      trapline tasks --crawl docs --url /docs/install --json
    """
    if failed and status not in (None, TaskStatus.FAILED):
        raise typer.BadParameter(f"--failed and --status {status} exclude each other")
    wanted = TaskStatus.FAILED if failed else status
    listing = Listing(
        name="tasks",
        read=partial(list_tasks, limit=limit, run_id=run, crawl=crawl, lane=lane, status=wanted, url_part=url),
        table=task_table,
        limit=limit,
    )
    asyncio.run(listing.show(data_dir=data_dir, database_url=database_url, json=json))
