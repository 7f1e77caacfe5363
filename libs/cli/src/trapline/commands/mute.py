"""``trapline mute TARGET``: for a while, tell nobody of a crawl or a page."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from trapline.access.acting import acted_by, find_target
from trapline.access.ledger import writing
from trapline.access.moments import parse_end
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, PageOfCrawl, Target
from trapline.render.json import print_json
from trapline.render.local_time import moment
from trapline.render.safe_text import printable
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger import mutes
from trapline_common.ledger.mutes import MutedKind


def mute(
    target: Target,
    until: Annotated[
        str, typer.Option("--until", metavar="WHEN", help="Its end: 2h or 2d from now, or 2026-12-24T08:00.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever wonders.")],
    page: PageOfCrawl = None,
    kinds: Annotated[
        str,
        typer.Option("--kinds", metavar="KINDS", help="What is kept back, with commas; all of these when left out."),
    ] = ",".join(MutedKind),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Mute a crawl or a page: until then its alerts are recorded and sent to nobody. Visits go on.

    TARGET is a crawl's name, a page's URL or a page's number. Another mute of the same crawl or page replaces the one
    that is there; one of the crawl and one of its page stand side by side. `trapline unmute` ends it earlier.

    A page that still fails when the mute is over is told then, by its next failed run, once. One that failed and
    recovered meanwhile is never told, and neither is a change.

    Exits with 0 when it is muted, 2 when nothing has that name or the end is not ahead.

    Examples:

      trapline mute pricing --until 2d --reason "redesign goes live"
      trapline mute https://example.com/pricing --kinds change --until 2026-12-24T08:00 --reason "prices move all week"
      trapline mute pricing --page https://example.com/pricing --until 4h --reason "being mended" --env prod
    """
    asyncio.run(_mute(target, page, until, reason, kinds, json=json, data_dir=data_dir, url=database_url))


async def _mute(
    named: str, page: str | None, until: str, reason: str, kinds: str, *, json: bool, data_dir: Path, url: str | None
) -> None:
    end, wanted = parse_end(until), _kinds(kinds)
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        begun = await mutes.mute(
            ledger.database,
            target.crawl,
            target.page_id,
            kinds=wanted,
            until=end,
            reason=reason,
            acted_by=acted_by(),
        )
    if json:
        print_json(
            {
                "crawl": target.crawl,
                "page_id": target.page_id,
                "url": target.url,
                "kinds": wanted,
                "until": begun.until,
                "replaced": begun.replaced,
            }
        )
    else:
        instead = ", in place of the mute that was there" if begun.replaced else ""
        print(printable(f"{target.name} is muted until {moment(begun.until)}{instead}"))


def _kinds(text: str) -> list[MutedKind]:
    known = ", ".join(MutedKind)
    try:
        named = {MutedKind(word.strip()) for word in text.split(",")}
    except ValueError as error:
        raise InputRefusedError(f"--kinds {text}: one or more of {known}, with commas") from error
    return [kind for kind in MutedKind if kind in named]
