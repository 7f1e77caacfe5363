"""``trapline cancel RUN``: end a run now."""

import asyncio
from pathlib import Path

from trapline.access.acting import acted_by
from trapline.access.ledger import known_run, writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, RunArgument
from trapline.render.json import print_json
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.ledger import runs
from trapline_common.platform.text import counted


def cancel(
    run: RunArgument,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """End a run now: its tasks that are not done end failed, with the reason cancelled, and cause no alert.

    The run's reason, and its summary alert, say who cancelled it. `trapline retry RUN` puts these tasks into a new run.

    Exits with 0 when the run is cancelled, 2 when it has ended already or there is no such run.

    Examples:

      trapline cancel 7
      trapline cancel 7 --env prod
    """
    asyncio.run(_cancel(run, json=json, data_dir=data_dir, url=database_url))


async def _cancel(run_id: int, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        run = await known_run(ledger.database, run_id)
        cancelled = await runs.cancel(ledger.database, RunId(run_id), acted_by=acted_by())
    if cancelled is None:
        raise InputRefusedError(f"run {run_id} has ended already")
    if json:
        print_json({"run_id": run_id, "cancelled": cancelled})
    else:
        print(f"run {run_id} of {run.crawl} cancelled: {counted(cancelled, 'task')} not done")
