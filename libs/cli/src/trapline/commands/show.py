"""``trapline show RUN``: what one run did and found."""

import asyncio
import os
from pathlib import Path

from trapline.access.ledger import existing, known_run
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, Limit, RunArgument
from trapline.render.artifact_location import artifact_location
from trapline.render.json import print_json
from trapline.render.printer import Printer
from trapline.render.tables.run_detail import show_run
from trapline_common.domain.web_view import WebView
from trapline_common.ledger.views.run_detail import RunDetail, run_detail
from trapline_common.platform.plain_json import plain


def show(
    run: RunArgument,
    limit: Limit = 20,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show one run: its tasks, its failures with their screenshots, its changed pages and its alerts.

    --json adds the run's frozen config; its times are in UTC, durations in seconds, timings in milliseconds.

    Exits with 0, also when tasks of the run failed, and with 2 when there is no such run.

    Examples:

      trapline show 7
      trapline show 7 --limit 500
      trapline show 7 --json | jq '.failures[].url'
    """
    asyncio.run(_show(run, limit, json=json, data_dir=data_dir, url=database_url))


async def _show(run_id: int, limit: int, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with existing(data_dir, url) as database:
        run = await known_run(database, run_id)
        detail = await run_detail(database, run, limit=limit)
    link = WebView.read(os.environ).run(run_id)
    if json:
        print_json({**_as_json(detail), **({"link": link} if link else {})})
    else:
        bucket = os.environ.get("TRAPLINE_ARTIFACTS", "")
        show_run(
            Printer(),
            detail,
            limit=limit,
            link=link,
            location=lambda key: artifact_location(data_dir, key, bucket=bucket),
        )


def _as_json(detail: RunDetail) -> dict[str, object]:
    """Return the run's own columns at the top, as in ``trapline runs``, and the rest beside them."""
    rest = {name: item for name, item in plain(detail).items() if name != "run"}
    return {**plain(detail.run), **rest}
