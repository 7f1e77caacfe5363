"""``trapline retry RUN``: a run's failed tasks once more, in a new run."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import typer

from trapline.access.acting import acted_by
from trapline.access.dispatcher import ask_dispatcher, count_again
from trapline.access.ledger import known_run, writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, Request, RunArgument
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.domain.answers import Opened
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import LaneName, RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import OpenRun
from trapline_common.ledger import runs as run_store
from trapline_common.platform.text import counted


def retry(
    run: RunArgument,
    request: Request = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Put the failed tasks of an ended run into a new run, under the old run's config, and print the new run's number.

    A crawl that is working takes them up at once; otherwise the next tick or the next `trapline crawl` does.

    Exits with 0 when the new run is open or waits, 2 when the old run has not ended or has no failed task, 3 when it
    was skipped because another run of the crawl is open.

    Examples:

      trapline retry 7
      trapline show $(trapline retry 7 --json | jq .run_id)
    """
    if not asyncio.run(_retry(run, request, json=json, data_dir=data_dir, url=database_url)):
        raise typer.Exit(ExitCode.NOTHING_RUN)


async def _retry(run_id: int, request: UUID | None, *, json: bool, data_dir: Path, url: str | None) -> bool:
    async with writing(data_dir, url) as ledger:
        run = await known_run(ledger.database, run_id)
        if run.ended_at is None:
            raise InputRefusedError(f"run {run_id} has not ended; wait for it, or `trapline cancel {run_id}` first")
        if not await run_store.failed_urls(ledger.database, RunId(run_id)):
            raise InputRefusedError(f"run {run_id} has no failed task to retry")
        message = OpenRun(crawl=run.crawl, request=request or uuid4(), retry_of=run_id, acted_by=acted_by())
        opened = await ask_dispatcher(ledger, message, Opened, data_dir=data_dir)
        await count_again(ledger.dsn, LaneName(run.lane))
    if json:
        print_json(
            {
                "run_id": opened.run_id,
                "retry_of": run_id,
                "tasks": opened.tasks,
                "waits_for": opened.waits_for,
            }
        )
    skipped = opened.status is RunStatus.ENDED
    _print(opened, run_id, quiet=json, skipped=skipped)
    return not skipped


def _print(opened: Opened, run_id: int, *, quiet: bool, skipped: bool) -> None:
    if opened.tasks is not None:
        if not quiet:
            print(f"run {opened.run_id} opened with {counted(opened.tasks, 'task')} that failed in run {run_id}")
    elif opened.waits_for is not None:
        became = "was skipped" if skipped else "waits"
        note(f"run {opened.run_id} {became}: run {opened.waits_for} of the same crawl is still open")
