"""``trapline visit TARGET``: one page, now."""

import asyncio
from pathlib import Path
from uuid import uuid4

import typer

from trapline.access.acting import acted_by, find_target
from trapline.access.dispatcher import ask_dispatcher, count_again, is_deployed
from trapline.access.ledger import writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, PageOfCrawl, Target
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.printer import note
from trapline_common.domain.answers import Opened
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import VisitPage
from trapline_common.ledger import runs


def visit(
    target: Target,
    page: PageOfCrawl = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Visit one page now, in a run of its own, and print the run's number.

    TARGET is the page's URL or its number. The run is one of the page's crawl: it waits for an earlier run or is
    skipped, as the crawl's `overlap` says, and what it finds is compared, counted and told as ever. In a deployment it
    has the crawl's config as it is now; here that of the crawl's newest run, and a process that works on this ledger
    takes it up at once, or else the next `trapline crawl`.

    Exits with 0 when the run is open or waits, 2 when there is no such page, 3 when it was skipped because another run
    of the crawl is open.

    Examples:

      trapline visit https://example.com/pricing
      trapline show $(trapline visit 12 --env prod --json | jq .run_id) --env prod
    """
    if not asyncio.run(_visit(target, page, json=json, data_dir=data_dir, url=database_url)):
        raise typer.Exit(ExitCode.NOTHING_RUN)


async def _visit(named: str, page: str | None, *, json: bool, data_dir: Path, url: str | None) -> bool:
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        if target.page_id is None or target.url is None:
            other = "trapline run" if is_deployed() else "trapline crawl FILE --only"
            raise InputRefusedError(f"{named} is a crawl; name one page of it, or `{other} {named}` visits all")
        message = VisitPage(page_id=target.page_id, request=uuid4(), acted_by=acted_by())
        opened = await ask_dispatcher(ledger, message, Opened, data_dir=data_dir)
        lane = await runs.lane_of(ledger.database, RunId(opened.run_id))
        if lane is not None:
            await count_again(ledger.dsn, lane)
    skipped = opened.status is RunStatus.ENDED
    if json:
        print_json(
            {
                "run_id": opened.run_id,
                "page_id": target.page_id,
                "url": target.url,
                "tasks": opened.tasks,
                "waits_for": opened.waits_for,
            }
        )
    _say(opened, target.name, quiet=json, skipped=skipped)
    return not skipped


def _say(opened: Opened, name: str, *, quiet: bool, skipped: bool) -> None:
    if opened.waits_for is not None:
        became = "was skipped" if skipped else "waits"
        note(f"run {opened.run_id} {became}: run {opened.waits_for} of the same crawl is still open")
    elif not quiet:
        print(f"run {opened.run_id} opened: it visits {name}")
