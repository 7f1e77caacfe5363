"""robots.txt as all invocations share it: one fetches it, all read it."""

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
    """What the ledger knows of an origin's robots.txt."""

    fresh: bool
    """Whether ``body`` may be used."""
    body: str | None
    """The file's text; ``None``: there is none, so all is allowed."""
    good_for: float
    """Seconds for which ``body`` may still be used; 0 unless ``fresh``."""
    failures: int
    """How often in a row the file could not be fetched."""
    wait: float
    """Seconds for which no invocation tries again; 0 without failures."""
    reason: str | None
    """Why the last fetch failed."""


async def read(database: Database, origin: str) -> Stored | None:
    """Return the origin's row; ``None`` when there is none."""
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
    """Store the fetched file for ``good_for`` seconds. ``body`` ``None``: there is no robots.txt."""
    await database.fetch(_ROBOTS["put_robots"], origin, body, good_for)


async def failed(database: Database, origin: str, reason: str) -> None:
    """Record a 5xx: no invocation visits the origin or fetches the file again for a time that doubles."""
    await database.fetch(_ROBOTS["robots_failed"], origin, reason, FIRST_WAIT, LONGEST_WAIT)
