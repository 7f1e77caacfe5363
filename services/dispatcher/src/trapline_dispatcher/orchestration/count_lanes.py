"""The count of several lanes, each by itself: one whose count raises keeps no other from being counted."""

from collections.abc import Iterable
from functools import partial

from trapline_common.domain.ids import LaneName
from trapline_common.ledger.connection import Database
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_dispatcher.orchestration.asking import count_and_ask
from trapline_dispatcher.services import Services


async def count_lanes(services: Services, database: Database, names: Iterable[LaneName], *, hop: int) -> int:
    """Count each lane and ask for what it is missing; return how many invocations were.

    Raises ``TransientError`` or ``JobsFailedError`` for lanes that raised, when the others are counted.
    """
    async with SeparateJobs(database, connect=services.connect) as jobs:
        asked = await count_each(services, jobs, names, hop=hop)
        jobs.tell()
    return asked


async def count_each(services: Services, jobs: SeparateJobs, names: Iterable[LaneName], *, hop: int = 0) -> int:
    """Count each lane as one of ``jobs``; return how many invocations were missing."""
    return sum(
        [await jobs.run(f"count of lane {lane}", partial(_count, services, lane, hop), instead=0) for lane in names]
    )


async def _count(services: Services, lane: LaneName, hop: int, database: Database) -> int:
    return await count_and_ask(services, database, lane, hop=hop)
