"""robots.txt as all invocations know it: fetched by one, read by all."""

from dataclasses import dataclass

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_ROBOTS = load("robots")

CLAIM = 12.0
"""Seconds one fetch may take (it gives up after 10) before another invocation tries."""
FIRST_WAIT = 10.0
"""Seconds to wait after a first 5xx; it doubles with each."""
LONGEST_WAIT = 600.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """``fresh``: ``body`` holds for ``good_for`` more seconds, ``None`` meaning that all is allowed.

    Else ``failures`` says how often in a row it could not be had, and ``wait`` for how many seconds nobody tries.
    """

    fresh: bool
    body: str | None
    good_for: float
    failures: int
    wait: float
    reason: str | None


async def read(database: Database, origin: str) -> Stored | None:
    """Return what is known of the origin's robots.txt; ``None`` when nothing is."""
    row = await database.fetchrow(_ROBOTS["robots"], origin)
    if row is None:
        return None
    return Stored(
        fresh=row["fresh"],
        body=row["body"],
        good_for=row["good_for"] if row["fresh"] else 0.0,
        failures=row["failures"],
        wait=row["wait"] if row["failures"] else 0.0,
        reason=row["reason"],
    )


async def claim(database: Database, origin: str) -> bool:
    """Claim the fetch for ``CLAIM`` seconds; ``False`` when another fetches it, or it need not be fetched."""
    return await database.fetchrow(_ROBOTS["claim_robots"], origin, CLAIM) is not None


async def put(database: Database, origin: str, body: str | None, *, good_for: float) -> None:
    """Store what was fetched, for ``good_for`` seconds. ``None``: there is no robots.txt."""
    await database.fetch(_ROBOTS["put_robots"], origin, body, good_for)


async def failed(database: Database, origin: str, reason: str) -> None:
    """Note a 5xx: nobody visits the origin, and nobody asks again, for a while that doubles."""
    await database.fetch(_ROBOTS["robots_failed"], origin, reason, FIRST_WAIT, LONGEST_WAIT)
