"""The screen of one crawl: how it is, when it comes, what it visits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.config.schedule_times import next_after
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.crawls import (
    CrawlPage,
    CrawlRow,
    RunBar,
    SkippedTick,
    SlowPage,
    crawls,
    newest_config,
    pages,
    skipped_ticks,
    slowest_pages,
    strips,
)
from trapline_common.ledger.views.database import MOMENT
from trapline_common.ledger.views.mutes import MuteRow, mutes
from trapline_common.ledger.views.together import read_together

BARS = 90
"""Runs of the strip."""
PAGES = 100
"""Pages at once."""
_SLOWEST, _SKIPPED, _TICKS = 8, 10, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlParameters:
    """Which crawl, and which of its pages."""

    name: str
    """The crawl."""
    q: str = ""
    """A part of the pages' URLs."""
    offset: int = 0
    """Pages to pass over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlScreen:
    """One crawl."""

    at: datetime
    """The moment."""
    crawl: CrawlRow
    """The crawl as it is now."""
    strip: tuple[RunBar, ...]
    """Its newest runs, oldest first."""
    ticks: tuple[datetime, ...]
    """When its schedule fires next."""
    config: dict[str, Any]
    """The frozen config of its newest run."""
    pages: tuple[CrawlPage, ...]
    """Its pages, those that fail first."""
    pages_total: int
    """How many there are."""
    slowest: tuple[SlowPage, ...]
    """The slowest visits of its newest run."""
    skipped: tuple[SkippedTick, ...]
    """Ticks that opened nothing."""
    mute: MuteRow | None = None
    """The mute of the whole crawl; ``None``: it is not muted."""


async def crawl_screen(database: Database, asked: CrawlParameters) -> CrawlScreen:
    """Return one crawl. Raises ``InputRefusedError`` when there is none of that name."""
    name = asked.name
    found = await read_together(
        database,
        crawl := crawls(limit=1, name=name),
        strip := strips([name], most=BARS),
        config := newest_config(name),
        shown := pages(crawl=name, limit=PAGES, offset=asked.offset, part=asked.q or None),
        slowest := slowest_pages(name, limit=_SLOWEST),
        skipped := skipped_ticks(name, limit=_SKIPPED),
        muted := mutes(),
        MOMENT,
    )
    if not found[crawl].rows:
        raise InputRefusedError(f"no crawl {name}")
    row, at = found[crawl].rows[0], found[MOMENT]
    return CrawlScreen(
        at=at,
        crawl=row,
        strip=found[strip][name],
        ticks=_ticks(row, at),
        config=found[config],
        pages=found[shown].rows,
        pages_total=found[shown].total,
        slowest=found[slowest],
        skipped=found[skipped],
        mute=next((mute for mute in found[muted] if mute.crawl == name and mute.page_id is None), None),
    )


def _ticks(crawl: CrawlRow, at: datetime) -> tuple[datetime, ...]:
    found: list[datetime] = []
    moment = crawl.since if (crawl.schedule or "").startswith("rate") and crawl.since is not None else at
    for _ in range(_TICKS if crawl.schedule and crawl.enabled and not crawl.gone else 0):
        following = next_after(str(crawl.schedule), crawl.timezone, moment)
        if following is None:
            break
        moment = max(following, at)
        found.append(moment)
    return tuple(found)
