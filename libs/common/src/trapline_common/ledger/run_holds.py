"""Which command of one machine works on which run: each holds its runs by an advisory lock, as long as it lives."""

from dataclasses import dataclass
from uuid import UUID

from trapline_common.domain.ids import RunId
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_QUERIES = load("run_holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenByHand:
    """A run opened by hand that has not ended; a command may work on it, or have left it behind."""

    run_id: RunId
    """The run."""
    crawl: str
    """The run's crawl."""
    request: UUID
    """The request that opened it; the hold is on this, for it is known before the run is."""


async def open_by_hand(database: Database) -> list[OpenByHand]:
    """Return the runs that were opened by hand and have not ended, held or not."""
    rows = await database.fetch(_QUERIES["open_by_hand"])
    return [OpenByHand(run_id=RunId(row["id"]), crawl=row["crawl"], request=row["request"]) for row in rows]


async def try_hold(database: Database, request: UUID) -> bool:
    """Hold the run of ``request`` until this connection ends; ``False`` when another living command holds it."""
    return bool(await database.fetchval(_QUERIES["try_hold"], str(request)))
