"""Each ended run as one compressed NDJSON object: what ``trapline export`` prints of it."""

import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from trapline_common.domain.ids import RunId
from trapline_common.domain.run_ended import archive_key
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.observations import observations
from trapline_common.platform.plain_json import json_line

_RUNS = load("runs")

AGAIN_AFTER = 900.0
"""Seconds after which another process takes up a run whose archive was not finished: longer than any Lambda lives."""
LATEST_AGAIN = 3600.0
"""Seconds up to which that doubles with each attempt that failed: an archive that is away for a day is asked for each
run once an hour."""
PART = 8 * 1024 * 1024
"""Bytes of one part. S3 takes 10,000 parts of 5 MiB or more: 80 GiB of compressed observations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRun:
    """A run to be archived."""

    run_id: RunId
    """The run."""
    crawl: str
    """Its crawl."""
    day: str
    """The day of its opening, in UTC, as ``2026-01-31``."""

    @property
    def key(self) -> str:
        """Where it goes: the same run always has the same key."""
        return archive_key(self.crawl, self.day, self.run_id)


async def claim(database: Database, *, again_after: float = AGAIN_AFTER) -> ArchivedRun | None:
    """Claim an ended run that is not archived yet: of those with the fewest attempts the oldest.

    Runs that were never opened hold nothing.
    """
    row = await database.fetchrow(_RUNS["claim_unarchived"], again_after, max(again_after, LATEST_AGAIN))
    return None if row is None else ArchivedRun(run_id=RunId(row["id"]), crawl=row["crawl"], day=row["day"])


async def waiting(database: Database, *, days: int) -> int:
    """Return how many runs that ended more than ``days`` ago are kept only because they are not archived."""
    found: int = await database.fetchval(_RUNS["waiting_for_archive"], days)
    return found


async def mark_archived(database: Database, run_id: RunId) -> None:
    """Record that the run's object is whole and under its key."""
    await database.fetch(_RUNS["archived"], run_id)


async def parts(database: Database, run_id: RunId) -> AsyncIterator[bytes]:
    """Yield the run's object in parts of ``PART`` bytes or a little more, the last one smaller.

    Every call yields the same bytes.
    """
    packer = zlib.compressobj(wbits=31)  # gzip, whose header holds no time
    kept = bytearray()
    async with aclosing(observations(database, run_id)) as found:
        async for observation in found:
            kept += packer.compress(json_line(observation).encode())
            if len(kept) >= PART:
                yield bytes(kept)
                kept.clear()
    yield bytes(kept + packer.flush())
