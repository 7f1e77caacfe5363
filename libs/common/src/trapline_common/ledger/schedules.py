"""The schedules that one machine keeps: since when each counts, and up to when each of its ticks has its record.

A tick's record is a run: the one that it opened, or one that ended at once as ``skipped``, with the reason. Both are
unique by crawl and scheduled time, so none has two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trapline_common.config.fingerprint import fingerprint
from trapline_common.config.frozen_run import frozen_text
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.ids import LaneName
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read

_QUERIES = load("schedules")

MISSED = "missed"
"""The reason of a tick that nobody was there to fire, and that a later one made up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSchedule:
    """One schedule that is kept; its times are of the clock of the process that keeps it."""

    crawl: str
    """The crawl that it opens runs of."""
    expression: str
    """As ``crawls.yaml`` has it."""
    timezone: str
    """The expression's zone."""
    since: datetime
    """From when its ticks count; a rate's first tick."""
    recorded_to: datetime
    """Each tick up to then has its record."""


async def keep(database: Database, crawls: Iterable[CrawlConfig], *, now: datetime) -> list[KeptSchedule]:
    """Keep the schedules of these crawls and no others, and return them; those that are new, or changed, from ``now``.

    A crawl that is disabled or has no schedule has no ticks.
    """
    kept = [crawl for crawl in crawls if crawl.schedule is not None and crawl.enabled]
    async with database.transaction():
        await database.fetch(
            _QUERIES["keep"],
            [crawl.name for crawl in kept],
            [crawl.schedule for crawl in kept],
            [str(crawl.timezone) for crawl in kept],
            now,
        )
        return [read(KeptSchedule, row) for row in await database.fetch(_QUERIES["kept"])]


async def skip(
    database: Database, crawl: CrawlConfig, lane: LaneConfig, ticks: Sequence[datetime], *, reason: str
) -> int:
    """Record ticks, in order, that open no run, and note the last of them; all or none. Return how many had no record.

    Their runs have no pages: a pause of weeks must not store a long list as often.
    """
    async with database.transaction():
        await lanes.put_lane(database, LaneName(crawl.lane), lane)
        config = frozen_text(crawl.model_copy(update={"urls": (), "sitemap": None}))
        rows = await database.fetch(_QUERIES["skip"], crawl.name, crawl.lane, list(ticks), config, fingerprint(crawl))
        await database.fetch(_QUERIES["end_skipped"], [row["id"] for row in rows], to_text(reason))
        await database.fetch(_QUERIES["advance"], crawl.name, ticks[-1])
    return len(rows)


async def note_recorded(database: Database, crawl: str, tick: datetime) -> None:
    """Note that each tick up to this one has its record."""
    await database.fetch(_QUERIES["advance"], crawl, tick)


async def has_record(database: Database, crawl: str, tick: datetime) -> bool:
    """Say whether a tick has its run."""
    return bool(await database.fetchval(_QUERIES["has_record"], crawl, tick))
