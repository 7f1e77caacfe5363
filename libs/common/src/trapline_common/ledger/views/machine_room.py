"""Whether the machine works and what it costs: invocations by status, hosts that rest, seconds by day."""

from dataclasses import dataclass
from datetime import date, datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, only_row_of, rows_of

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
class ExecutionRow:
    """An execution that calls invocations of a lane whose orchestrator is not ``self``."""

    lane: str
    """The lane."""
    via: str
    """How it calls them: ``map``, ``queue`` or ``durable``."""
    execution: str
    """Its name; of the durable function its ARN."""
    began_at: datetime
    """When the first of its invocations was counted."""
    ended_at: datetime | None
    """When the last of them ended; ``None``: none did so far."""
    invocations: int
    """How many it calls, or called."""
    active: int
    """Those of them that have not ended."""
    failed: int
    """Those of them that ended ``failed`` or ``orphaned``."""


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


def invocation_counts() -> Read[tuple[InvocationCount, ...]]:
    """Read how many invocations each lane has, by status."""
    return Read(query=_QUERIES["invocation_counts"], made=rows_of(InvocationCount))


def executions(*, limit: int) -> Read[tuple[ExecutionRow, ...]]:
    """Read the executions that are under way, or were in the last 24 hours, the newest first."""
    return Read(query=_QUERIES["executions"], arguments=(limit,), made=rows_of(ExecutionRow))


def resting_hosts(*, limit: int) -> Read[tuple[RestingHost, ...]]:
    """Read the hosts that refuse, those that rest longest first."""
    return Read(query=_QUERIES["hosts"], arguments=(limit,), made=rows_of(RestingHost))


def lane_days(*, days: int) -> Read[tuple[LaneDay, ...]]:
    """Read for how long each lane's invocations ran, the newest day first."""
    return Read(query=_QUERIES["lane_days"], arguments=(days,), made=rows_of(LaneDay))


def crawl_visits(*, days: int, limit: int) -> Read[tuple[CrawlVisits, ...]]:
    """Read what each crawl did in the last days, most visits first."""
    return Read(query=_QUERIES["crawl_visits"], arguments=(days, limit), made=rows_of(CrawlVisits))


def last_day() -> Read[Day]:
    """Read the last 24 hours in numbers."""
    return Read(query=_QUERIES["day"], made=only_row_of(Day))


async def is_named(database: Database, key: str) -> bool:
    """Return whether an observation of this ledger names the artifact."""
    return bool(await database.fetchval(_QUERIES["named"], key))


def search(text: str, *, limit: int) -> Read[tuple[Found, ...]]:
    """Read runs by number, crawls by a part of the name and pages by a part of the URL."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < len(str(2**63)) else None
    return Read(query=_QUERIES["found"], arguments=(text, number, limit), made=rows_of(Found))
