"""``trapline unmute TARGET``: tell of a crawl or a page again."""

import asyncio
from pathlib import Path

from trapline.access.acting import acted_by, find_target
from trapline.access.ledger import writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, PageOfCrawl, Target
from trapline.render.json import print_json
from trapline.render.safe_text import printable
from trapline_common.ledger import mutes


def unmute(
    target: Target,
    page: PageOfCrawl = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """End the mute of a crawl or a page now. That of a crawl and those of its pages end each by themselves.

    Exits with 0, also when nothing was muted (harmless twice), and with 2 when nothing has that name.

    Examples:

      trapline unmute pricing
      trapline unmute 12 --env prod
    """
    asyncio.run(_unmute(target, page, json=json, data_dir=data_dir, url=database_url))


async def _unmute(named: str, page: str | None, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        ended = await mutes.unmute(ledger.database, target.crawl, target.page_id, acted_by=acted_by())
    if json:
        print_json({"crawl": target.crawl, "page_id": target.page_id, "url": target.url, "already": not ended})
    else:
        became = "is told of again" if ended else "was not muted; `trapline mutes` lists what is"
        print(printable(f"{target.name} {became}"))
