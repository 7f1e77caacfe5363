"""``trapline ack TARGET``: somebody knows that a page fails."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trapline.access.acting import acted_by, find_target
from trapline.access.ledger import writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, PageOfCrawl, Target
from trapline.render.json import print_json
from trapline.render.safe_text import printable
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.acknowledging import Acknowledged, acknowledge, withdraw


def ack(
    target: Target,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What is being done, for the others; required.")
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: the next failed run is told again.")] = False,
    page: PageOfCrawl = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Acknowledge that a page fails: nothing more is told of this failure until the page is good again.

    It ends by itself with the failure: the recovery is told, with who knew of it, and so is the next failure. With a
    crawl's name it is every page of the crawl that fails now. `trapline status` names who knows of what.

    Exits with 0, also when it was acknowledged before (who was first stays), or with --undo when it was not; and with 2
    when nothing of that name fails.

    Examples:

      trapline ack https://example.com/pricing --reason "certificate is being renewed"
      trapline ack 12 --reason "ticket 481" --env prod
      trapline ack 12 --undo
    """
    if undo and reason:
        raise typer.BadParameter("--undo takes no --reason")
    asyncio.run(
        _undo(target, page, json=json, data_dir=data_dir, url=database_url)
        if undo
        else _ack(target, page, reason, json=json, data_dir=data_dir, url=database_url)
    )


async def _ack(named: str, page: str | None, reason: str, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        known = await acknowledge(ledger.database, target.crawl, target.page_id, reason=reason, acted_by=acted_by())
    if not known:
        raise InputRefusedError(f"{target.name} does not fail: there is nothing to acknowledge")
    if json:
        print_json({"acknowledged": known})
    else:
        print("\n".join(map(printable, _lines(known))))


async def _undo(named: str, page: str | None, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        taken = await withdraw(ledger.database, target.crawl, target.page_id)
    if json:
        print_json({"withdrawn": taken, "already": not taken})
    elif not taken:
        print(printable(f"no failure of {target.name} is acknowledged"))
    else:
        print("\n".join(printable(f"{one} is told of again") for one in taken))


def _lines(known: Sequence[Acknowledged]) -> list[str]:
    return [
        f"{page.url} was acknowledged before, by {page.by}: {page.reason}"
        if page.already
        else f"{page.url} is acknowledged until it is good again"
        for page in known
    ]
