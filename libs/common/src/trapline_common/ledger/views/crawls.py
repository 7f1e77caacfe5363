"""The crawls: how each one is, its newest runs, its pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, Row, rows_of

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawls:
    """Crawls, as many as were asked for."""

    rows: tuple[CrawlRow, ...]
    """The crawls, the worst first."""
    total: int
    """How many there are."""
    pages: int
    """The pages of those that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Pages, as many as were asked for."""

    rows: tuple[CrawlPage, ...]
    """The pages, those that fail first."""
    total: int
    """How many there are."""


def crawls(*, limit: int, offset: int = 0, name: str | None = None) -> Read[Crawls]:
    """Read crawls, the worst first. ``name``: that one alone."""
    return Read(query=_QUERIES["crawls"], arguments=(name, limit, offset), made=_crawls)


def _crawls(rows: list[Row]) -> Crawls:
    first = rows[0] if rows else {"total": 0, "total_pages": 0}
    return Crawls(rows=rows_of(CrawlRow)(rows), total=first["total"], pages=first["total_pages"])


def strips(names: Sequence[str], *, most: int) -> Read[dict[str, tuple[RunBar, ...]]]:
    """Read each crawl's newest runs, at most ``most`` of each, oldest first."""
    given = list(names)

    def made(rows: list[Row]) -> dict[str, tuple[RunBar, ...]]:
        found: dict[str, list[RunBar]] = {name: [] for name in given}
        for row, bar in zip(rows, rows_of(RunBar)(rows), strict=True):
            found[row["crawl"]].append(bar)
        return {name: tuple(reversed(bars)) for name, bars in found.items()}

    return Read(query=_QUERIES["strips"], arguments=(given, most), made=made)


def pages(*, limit: int, offset: int = 0, crawl: str | None = None, part: str | None = None) -> Read[Pages]:
    """Read pages, those that fail first. ``part``: of the URL."""
    return Read(query=_QUERIES["crawl_pages"], arguments=(crawl, limit, part, offset), made=_pages)


def _pages(rows: list[Row]) -> Pages:
    return Pages(rows=rows_of(CrawlPage)(rows), total=rows[0]["total"] if rows else 0)


def slowest_pages(crawl: str, *, limit: int) -> Read[tuple[SlowPage, ...]]:
    """Read the slowest good visits of a crawl's newest whole run."""
    return Read(query=_QUERIES["slowest"], arguments=(crawl, limit), made=rows_of(SlowPage))


def newest_config(crawl: str) -> Read[dict[str, Any]]:
    """Read the frozen config of a crawl's newest run; empty when there is none, or it is no map."""
    return Read(query=_QUERIES["newest_config"], arguments=(crawl,), made=_config)


def _config(rows: list[Row]) -> dict[str, Any]:
    config = rows[0]["config"] if rows else {}
    return config if isinstance(config, dict) else {}


def skipped_ticks(crawl: str, *, limit: int) -> Read[tuple[SkippedTick, ...]]:
    """Read a crawl's runs that were skipped or refused, newest first."""
    return Read(query=_QUERIES["skipped"], arguments=(crawl, limit), made=rows_of(SkippedTick))
