"""``trapline visit TARGET``: one page, now."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import typer

from trapline.access.acting import acted_by, find_target
from trapline.access.dispatcher import ask_dispatcher, count_again, is_deployed
from trapline.access.ledger import writing
from trapline.access.one_machine import run_here
from trapline.access.options import (
    DEFAULT_DATA_DIR,
    AllowPrivate,
    DatabaseUrl,
    DataDir,
    Json,
    PageOfCrawl,
    Target,
    allowing,
)
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.domain.answers import Opened
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import VisitPage
from trapline_common.ledger import runs


def visit(
    target: Target,
    page: PageOfCrawl = None,
    wait: bool = typer.Option(
        True, "--wait/--no-wait", help="On this machine: visit here and wait, or only open the run."
    ),
    allow_private: AllowPrivate = [],  # noqa: B006  (Typer's default; never changed)
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Visit one page now, in a run of its own.

    TARGET is the page's URL or its number. The run is one of the page's crawl: it waits for an earlier run or is
    skipped, as the crawl's `overlap` says, and what it finds is compared, counted and told as ever.

    On this machine the run has the config of the crawl's newest run; the command makes the visit and shows what came of
    it. With --no-wait it only opens the run, which a process that works on this ledger takes up, or else the next
    `trapline crawl`. In a deployment the run has the crawl's config as it is now, and the command prints its number.

    Exits with 0 when the visit is good, or in a deployment when the run is open or waits; 1 when the visit failed; 2
    when there is no such page; 3 when the run was skipped, for another run of the crawl is open.

    Examples:

      trapline visit https://example.com/pricing
      trapline show $(trapline visit 12 --env prod --json | jq .run_id) --env prod
    """
    environ = allowing(os.environ, allow_private) | {"DATABASE_URL": database_url or ""}
    code = asyncio.run(_visit(target, page, wait, environ=environ, json=json, data_dir=data_dir))
    if code:
        raise typer.Exit(code)


async def _visit(
    named: str, page: str | None, wait: bool, *, environ: Mapping[str, str], json: bool, data_dir: Path
) -> int:
    async with writing(data_dir, environ["DATABASE_URL"] or None) as ledger:
        target = await find_target(ledger.database, named, page)
        if target.page_id is None or target.url is None:
            other = "trapline run" if is_deployed() else "trapline crawl FILE --only"
            raise InputRefusedError(f"{named} is a crawl; name one page of it, or `{other} {named}` visits all")
        request = uuid4()
        message = VisitPage(page_id=target.page_id, request=request, acted_by=acted_by())
        opened = await ask_dispatcher(ledger, message, Opened, data_dir=data_dir)
        lane = await runs.lane_of(ledger.database, RunId(opened.run_id))
        if lane is not None:
            await count_again(ledger.dsn, lane)
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
        _say(opened, target.name, quiet=json)
        if opened.status is RunStatus.ENDED:
            return ExitCode.NOTHING_RUN
        if is_deployed() or not wait or opened.waits_for is not None:
            return ExitCode.DONE
        work = run_here.load()
        return await work(ledger, opened.run_id, request, environ=environ, data_dir=data_dir, quiet=json)


def _say(opened: Opened, name: str, *, quiet: bool) -> None:
    if opened.waits_for is not None:
        became = "was skipped" if opened.status is RunStatus.ENDED else "waits"
        note(f"run {opened.run_id} {became}: run {opened.waits_for} of the same crawl is still open")
    elif not quiet:
        print(f"run {opened.run_id} opened: it visits {name}")
