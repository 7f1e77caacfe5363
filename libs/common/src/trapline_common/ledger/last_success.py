"""When a run succeeded last: what is due is compared with it."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("last_success")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSuccess:
    """Two moments of the database's clock."""

    since: datetime
    """The end of the last run that completed; in a ledger without one, when the ledger was made."""
    now: datetime
    """When it was asked."""


async def last_success(database: Database) -> LastSuccess:
    """Return when a run succeeded last. Raises ``LedgerUnavailableError``."""
    (row,) = await database.fetch(_QUERIES["last_success"])
    return LastSuccess(since=row["since"], now=row["now"])
