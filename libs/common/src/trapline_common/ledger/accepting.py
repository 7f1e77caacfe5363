"""Accepting by hand: the content or the picture of a page that waits becomes its baseline, and nothing is told.

``confirm_after`` and ``min_change`` hold content back, and ``baseline: manual`` pictures; who knows that it is right
need not wait. The ledger makes baselines of what was observed (``trapline.accept_candidate``, ``accept_picture``): no
caller writes one of its own.
"""

from dataclasses import dataclass
from enum import StrEnum

from trapline_common.domain.ids import PageId
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.pictures import accept_picture
from trapline_common.ledger.queries import load

_ACTS = load("acts")


class Acceptance(StrEnum):
    """What became of one page."""

    ACCEPTED = "accepted"
    """What waited is the baseline now."""
    NOTHING = "nothing"
    """Nothing waited: what was seen last is the baseline."""
    GONE = "gone"
    """Its text is no longer kept; the next visit sees it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A page, and what became of it."""

    page_id: PageId
    """The page."""
    url: str
    """Its address."""
    outcome: Acceptance
    """What became of it."""


async def accept(database: Database, crawl: str, page_id: PageId | None, *, acted_by: str) -> list[Accepted]:
    """Accept what waits of a page, or of every page of the crawl; of a crawl only pages of which something waited.

    Harmless twice: the second time nothing waits. Text and picture of each page are a transaction of their own, under
    its row's lock; a visit that was judged before is judged again.
    """
    rows = await database.fetch(_ACTS["candidates"], crawl, page_id)
    found = []
    for row in rows:
        page_id = PageId(row["id"])
        outcome = Acceptance(await database.fetchval(_ACTS["accept"], page_id, to_text(acted_by)))
        if row["picture"] and await accept_picture(database, page_id) is not None and outcome is Acceptance.NOTHING:
            outcome = Acceptance.ACCEPTED
        found.append(Accepted(page_id=page_id, url=row["url"], outcome=outcome))
    return found
