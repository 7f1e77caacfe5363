"""The crawls: how each one is, its newest runs, its pages."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read

_QUERIES = load("views/crawls")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRow:
    """A crawl as it is now."""

    name: str
    """Its name."""
    schedule: str | None
    """Its schedule's expression; ``None``: nothing opens it by itself."""
    timezone: str
    """The schedule's zone."""
    enabled: bool
    """Whether its file has it switched on."""
    gone: bool
    """Whether it was taken out of its file, or forgotten."""
    pages: int
    """Pages that its last whole run visits."""
    failing: int
    """Those of them whose last runs failed."""
    changes_day: int
    """Accepted changes of the last 24 hours."""
    since: datetime | None
    """From when its next firing counts; ``None`` when no file is known that has it."""
    under_way: bool
    """Whether its newest run has not ended."""
    source: str
    """The file that has it; empty where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBar:
    """A run as one bar of a strip."""

    id: int
    """The run's number."""
    status: str
    """``opening``, ``open`` or ``ended``."""
    outcome: str | None
    """How it ended; ``None`` until then."""
    at: datetime
    """When its row was written."""
    seconds: float
    """From then to its end, or until now."""
    done: int
    """Tasks that ended ``done``."""
    failed: int
    """Tasks that ended ``failed``."""
    waiting: int
    """Tasks that have not ended; 0 once the run has."""
    changes: int
    """Pages that it found changed."""
    reason: str | None
    """Why it was skipped, refused or cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlPage:
    """A page of a crawl with its newest visit."""

    id: int
    """The page's number."""
    crawl: str
    """The crawl that visits it."""
    url: str
    """Its URL."""
    failures: int
    """Runs in a row that failed on it."""
    since: datetime | None
    """When the first of them did."""
    baseline_at: datetime | None
    """When its present content was accepted."""
    gone: bool
    """Whether the crawl's last whole run no longer visits it."""
    run_id: int | None
    """The run of its newest visit."""
    seen_at: datetime | None
    """When that was; ``None``: never visited."""
    title: str | None
    """Its title then."""
    reason: str | None
    """Why that visit failed; ``None`` for a good one."""
    status: int | None
    """The HTTP status of that visit."""
    total_ms: float | None
    """How long it took, in milliseconds."""
    size: int | None
    """Bytes over the wire."""
    screenshot: str | None
    """The artifact key of its screenshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPage:
    """One of the slowest visits of a crawl's newest run."""

    page_id: int
    """The page."""
    url: str
    """Its URL."""
    total_ms: float
    """How long the visit took, in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedTick:
    """A run that did nothing: it was skipped, or refused."""

    id: int
    """The run's number."""
    outcome: str
    """``skipped`` or ``refused``."""
    reason: str | None
    """Why."""
    at: datetime
    """The tick, or when it was asked for by hand."""


async def list_crawls(
    database: Database, *, limit: int, offset: int = 0, name: str | None = None
) -> tuple[list[CrawlRow], int, int]:
    """Return crawls, the worst first, how many there are, and the pages of those that run."""
    rows = await database.fetch(_QUERIES["crawls"], name, limit, offset)
    found = [CrawlRow(**{key: item for key, item in row.items() if not key.startswith("total")}) for row in rows]
    return found, (rows[0]["total"] if rows else 0), (rows[0]["total_pages"] if rows else 0)


async def strips(database: Database, names: Sequence[str], *, most: int) -> dict[str, tuple[RunBar, ...]]:
    """Return each crawl's newest runs, at most ``most`` of each, oldest first."""
    found: dict[str, list[RunBar]] = {name: [] for name in names}
    for row in await database.fetch(_QUERIES["strips"], list(names), most):
        found[row["crawl"]].append(RunBar(**{key: item for key, item in row.items() if key != "crawl"}))
    return {name: tuple(reversed(bars)) for name, bars in found.items()}


async def list_pages(
    database: Database, *, limit: int, offset: int = 0, crawl: str | None = None, part: str | None = None
) -> tuple[list[CrawlPage], int]:
    """Return pages, those that fail first, and how many there are. ``part``: of the URL."""
    rows = await database.fetch(_QUERIES["crawl_pages"], crawl, limit, part, offset)
    found = [CrawlPage(**{key: item for key, item in row.items() if key != "total"}) for row in rows]
    return found, rows[0]["total"] if rows else 0


async def slowest_pages(database: Database, crawl: str, *, limit: int) -> tuple[SlowPage, ...]:
    """Return the slowest good visits of a crawl's newest whole run."""
    return tuple(read(SlowPage, row) for row in await database.fetch(_QUERIES["slowest"], crawl, limit))


async def newest_config(database: Database, crawl: str) -> dict[str, Any]:
    """Return the frozen config of a crawl's newest run; empty when there is none, or it is no map."""
    text = await database.fetchval(_QUERIES["newest_config"], crawl)
    config = {} if text is None else json.loads(text)
    return config if isinstance(config, dict) else {}


async def skipped_ticks(database: Database, crawl: str, *, limit: int) -> tuple[SkippedTick, ...]:
    """Return a crawl's runs that were skipped or refused, newest first."""
    return tuple(read(SkippedTick, row) for row in await database.fetch(_QUERIES["skipped"], crawl, limit))
