"""``trapline accept TARGET``: what a page shows is right."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from trapline.access.acting import acted_by, find_target
from trapline.access.ledger import writing
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json, PageOfCrawl, Target
from trapline.render.json import print_json
from trapline.render.safe_text import printable
from trapline_common.ledger.accepting import Acceptance, Accepted
from trapline_common.ledger.accepting import accept as accept_content

_SAYS = {
    Acceptance.ACCEPTED: "what it shows is the baseline now",
    Acceptance.NOTHING: "nothing waits: what was seen last is the baseline",
    Acceptance.GONE: "the text that waits is no longer kept; the next visit sees it again",
}


def accept(
    target: Target,
    page: PageOfCrawl = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Accept what a page shows as its baseline, text and picture, without waiting; nothing is told.

    What was seen last and is held back, by `confirm_after`, `min_change` or `baseline: manual`, becomes what later
    visits are compared with. With a crawl's name it is every page of the crawl that holds something back.

    Exits with 0, also when nothing was held back (harmless twice), and with 2 when nothing has that name.

    Examples:

      trapline accept https://example.com/pricing
      trapline accept pricing --env prod
    """
    asyncio.run(_accept(target, page, json=json, data_dir=data_dir, url=database_url))


async def _accept(named: str, page: str | None, *, json: bool, data_dir: Path, url: str | None) -> None:
    async with writing(data_dir, url) as ledger:
        target = await find_target(ledger.database, named, page)
        found = await accept_content(ledger.database, target.crawl, target.page_id, acted_by=acted_by())
    if json:
        print_json({"accepted": found})
    else:
        print("\n".join(map(printable, _lines(found, target.crawl))))


def _lines(found: Sequence[Accepted], crawl: str) -> list[str]:
    if not found:
        return [f"no page of {crawl} holds anything back"]
    return [f"{page.url}: {_SAYS[page.outcome]}" for page in found]
