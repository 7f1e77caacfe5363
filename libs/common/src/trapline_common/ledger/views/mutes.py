"""The mutes that there are now."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, read_alone, rows_of

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


def mutes(*, limit: int = 1000) -> Read[tuple[MuteRow, ...]]:
    """Read the mutes that are not over, the first to end first."""
    return Read(query=_QUERIES["mutes"], arguments=(limit,), made=rows_of(MuteRow))


async def list_mutes(database: Database, *, limit: int) -> tuple[MuteRow, ...]:
    """Return the mutes that are not over, the first to end first."""
    return await read_alone(database, mutes(limit=limit))
