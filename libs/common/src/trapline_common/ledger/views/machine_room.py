"""Whether the machine works and what it costs: invocations by status, hosts that rest, seconds by day."""

from dataclasses import dataclass
from datetime import date, datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.row import read

_QUERIES = load("views/machine_room")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationCount:
    """Invocations of one lane in one status: active ones, and those that ended in the last 24 hours."""

    lane: str
    """The lane."""
    status: str
    """One of the eight statuses."""
    count: int
    """How many there are."""
    duplicates: int
    """Deliveries of their events that came twice, or too late."""
    stale: int
    """Their writes that the fence refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingHost:
    """A host that answered 429 or 503."""

    host: str
    """Its name, with a port that is not the scheme's own."""
    refusals: int
    """How often in a row."""
    refused_at: datetime
    """When last."""
    not_before: datetime
    """No lane visits it earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneDay:
    """The invocations of one lane that ended on one day."""

    day: date
    """The day, in UTC."""
    lane: str
    """The lane."""
    invocations: int
    """How many."""
    seconds: float
    """For how long they ran, together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlVisits:
    """What a crawl's runs did in a while."""

    crawl: str
    """The crawl."""
    runs: int
    """Runs that ended."""
    visits: int
    """Tasks that ended."""
    failed: int
    """Those of them that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The last 24 hours."""

    visits: int
    """Tasks of the runs that ended."""
    changes: int
    """Accepted changes."""
    seconds: float
    """For how long the invocations that ended ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found."""

    kind: str
    """``run``, ``crawl`` or ``page``."""
    id: int | None
    """The run's or the page's number."""
    name: str
    """The crawl."""
    url: str
    """The page's URL; empty of a run and a crawl."""


async def invocation_counts(database: Database) -> tuple[InvocationCount, ...]:
    """Return how many invocations each lane has, by status."""
    return tuple(read(InvocationCount, row) for row in await database.fetch(_QUERIES["invocation_counts"]))


async def resting_hosts(database: Database, *, limit: int) -> tuple[RestingHost, ...]:
    """Return the hosts that refuse, those that rest longest first."""
    return tuple(read(RestingHost, row) for row in await database.fetch(_QUERIES["hosts"], limit))


async def lane_days(database: Database, *, days: int) -> tuple[LaneDay, ...]:
    """Return for how long each lane's invocations ran, the newest day first."""
    return tuple(read(LaneDay, row) for row in await database.fetch(_QUERIES["lane_days"], days))


async def crawl_visits(database: Database, *, days: int, limit: int) -> tuple[CrawlVisits, ...]:
    """Return what each crawl did in the last days, most visits first."""
    return tuple(read(CrawlVisits, row) for row in await database.fetch(_QUERIES["crawl_visits"], days, limit))


async def last_day(database: Database) -> Day:
    """Return the last 24 hours in numbers."""
    row = await database.fetchrow(_QUERIES["day"])
    assert row is not None, "an aggregate always has a row"
    return read(Day, row)


async def is_named(database: Database, key: str) -> bool:
    """Return whether an observation of this ledger names the artifact."""
    return bool(await database.fetchval(_QUERIES["named"], key))


async def find(database: Database, text: str, *, limit: int) -> tuple[Found, ...]:
    """Return runs by number, crawls by a part of the name and pages by a part of the URL."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(2**63)) else None
    return tuple(read(Found, row) for row in await database.fetch(_QUERIES["found"], text, number, limit))
