"""The mutes that there are now."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read

_QUERIES = load("views/mutes")


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteRow:
    """A mute that is not over."""

    id: int
    """Its number."""
    crawl: str
    """The crawl."""
    page_id: int | None
    """The page; ``None``: all pages of the crawl, and its runs."""
    url: str | None
    """The page's address."""
    kinds: list[str]
    """What it keeps back: ``failure``, ``change``, ``recovery``, ``summary``."""
    reason: str
    """Why."""
    acted_by: str
    """Who muted."""
    since: datetime
    """When."""
    until: datetime
    """When it is over."""


async def list_mutes(database: Database, *, limit: int = 1000) -> list[MuteRow]:
    """Return the mutes that are not over, the first to end first."""
    return [read(MuteRow, row) for row in await database.fetch(_QUERIES["mutes"], limit)]
