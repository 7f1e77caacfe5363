"""``trapline reap``: rescue by hand what the minute tick would rescue."""

import asyncio
import os
from pathlib import Path

from trapline.access.dispatcher import ask_deployed, count_again, is_deployed
from trapline.access.ledger import writing
from trapline.access.one_machine import reap_here
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.domain.answers import Reaped
from trapline_common.domain.messages import Reap
from trapline_common.ledger import lanes
from trapline_common.ledger.views.status import read_status
from trapline_common.platform.text import counted

_DONE = (
    ("gone", "{} ended: the process is gone", "invocation"),
    ("orphaned", "{} orphaned: never started, or stopped beating", "invocation"),
    ("returned", "{} given back", "task"),
    ("poisoned", "{} failed as poison: every invocation that took it died", "task"),
    ("ended", "{} ended: no task was left", "run"),
    ("resumed", "{} opened that was left opening", "run"),
    ("answered", "{} told the end that it waited for", "execution"),
    ("told", "{} announced as ended", "run"),
    ("archived", "{} archived", "run"),
    ("retired", "{} deleted: kept for as long as was asked", "row"),
    ("asked_again", "{} asked for again", "invocation"),
    ("asked", "{} asked for", "invocation"),
)


def reap(
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Rescue by hand: give back the tasks of crawlers that died, and end the runs that have none left.

    The minute tick does this on AWS, and `trapline crawl` when it starts. Here the command starts no crawler; with
    --env the dispatcher does the work and asks for the crawlers that are missing. With TRAPLINE_RETENTION_DAYS set
    (days), it deletes what ended longer ago.

    Exits with 0, also when there was nothing to rescue.

    Examples:

      trapline reap
      trapline reap --json
      trapline reap --env prod
    """
    if is_deployed():
        done, waiting = asyncio.run(ask_deployed(Reap(), Reaped)), 0
    else:
        done, waiting = asyncio.run(_reap(data_dir=data_dir, url=database_url))
    if json:
        print_json(done.counts)
        return
    for line in _lines(done):
        print(line)
    if waiting:
        note(f"{counted(waiting, 'task waits', 'tasks wait')}; the next tick or `trapline crawl` takes them")


async def _reap(*, data_dir: Path, url: str | None) -> tuple[Reaped, int]:
    """Rescue here; return what was done, and how many tasks wait."""
    async with writing(data_dir, url) as ledger:
        done = await reap_here.load()(ledger, environ={**os.environ, "DATABASE_URL": url or ""}, data_dir=data_dir)
        waiting = sum(lane.waiting for lane in (await read_status(ledger.database, failing=1)).lanes)
        for lane in await lanes.busy_lanes(ledger.database):
            await count_again(ledger.dsn, lane)
    return done, waiting


def _lines(done: Reaped) -> list[str]:
    counts = done.counts
    lines = [text.format(counted(counts[name], word)) for name, text, word in _DONE if counts[name]]
    return lines or ["nothing to rescue"]
