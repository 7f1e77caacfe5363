"""Acknowledging: somebody knows that a page fails, so no further alert of this failure is told until it recovers.

An acknowledgement stands in the page's row and ends with the failure: ``record_visit`` looks at the row that it
updates, so an acknowledgement and a recovery at one instant come one after the other. The recovery is told to whoever
was told of the failure, with who knew of it.
"""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.domain.given_reason import given_reason
from trapline_common.domain.ids import PageId
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_ACTS = load("acts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A failure that somebody knows of."""

    page_id: PageId
    """The page."""
    url: str
    """Its address."""
    at: datetime
    """When it was acknowledged."""
    by: str
    """Who did it."""
    reason: str
    """What they said of it."""
    already: bool
    """Whether it was acknowledged before: who did it first is kept."""


async def acknowledge(
    database: Database, crawl: str, page_id: PageId | None, *, reason: str, acted_by: str
) -> list[Acknowledged]:
    """Acknowledge the failure of a page, or of every page of the crawl that fails now; empty when none fails.

    Harmless twice: the second call changes nothing, and returns who was first. Raises ``InputRefusedError`` without a
    reason.
    """
    given = given_reason(reason, why="an acknowledgement tells the others what is being done")
    rows = await database.fetch(_ACTS["acknowledge"], crawl, page_id, to_text(given), to_text(acted_by))
    return [
        Acknowledged(
            page_id=PageId(row["id"]),
            url=row["url"],
            at=row["acked_at"],
            by=row["acked_by"],
            reason=row["ack_reason"],
            already=row["already"],
        )
        for row in rows
    ]


async def withdraw(database: Database, crawl: str, page_id: PageId | None) -> list[str]:
    """Take back the acknowledgement of a page, or of all of the crawl; return the addresses of those that had one.

    What was kept back so far stays so; the next failed run is told as if nobody had known.
    """
    return [row["url"] for row in await database.fetch(_ACTS["withdraw"], crawl, page_id)]
