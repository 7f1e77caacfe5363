"""``trapline status``: see whether all is well."""

import asyncio
from pathlib import Path

import typer

from trapline.access.ledger import nothing_yet, reading
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline.render.printer import Printer
from trapline.render.tables.status import show_status
from trapline_common.ledger.views.health import problems
from trapline_common.ledger.views.status import read_status
from trapline_common.platform.plain_json import plain


def status(
    limit: int = typer.Option(10, "--limit", "-n", min=1, max=100_000, help="Show at most this many failing pages."),
    check: bool = typer.Option(
        False, "--check", help="Exit with 1 when something needs attention: for cron and monitoring."
    ),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Show at a glance whether all is well: what needs attention, open and last runs, failing pages, lanes, alerts.

    Exits with 0, and with --check with 1 when something needs attention: also a scheduled crawl that is overdue, and a
    ledger that is not there. What a person stopped, and a crawl that was taken out of the file, switched off or
    forgotten, needs none.

    Examples:

      trapline status
      trapline status --check || mail -s "look at trapline" ops@example.com
      trapline status --json | jq .problems
    """
    if asyncio.run(_status(limit, json=json, data_dir=data_dir, url=database_url)) and check:
        raise typer.Exit(ExitCode.FAILED)


async def _status(limit: int, *, json: bool, data_dir: Path, url: str | None) -> bool:
    async with reading(data_dir, url) as database:
        found = None if database is None else await read_status(database, failing=limit)
    if found is None:
        if json:
            print_json(None)
        else:
            note(nothing_yet(data_dir, url))
        return True
    wrong = problems(found)
    if json:
        print_json({"problems": wrong, **plain(found)})
    else:
        show_status(Printer(), found, wrong)
    return bool(wrong)
