"""The screens that are lists: runs, pages, changes, failures, alerts, invocations, and what a search finds."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.alerts import AlertRow, alerts
from trapline_common.ledger.views.changes import ChangeCard, changes
from trapline_common.ledger.views.crawls import CrawlPage, pages
from trapline_common.ledger.views.database import MOMENT
from trapline_common.ledger.views.invocations import InvocationRow, invocations
from trapline_common.ledger.views.machine_room import Found, search
from trapline_common.ledger.views.runs import RunRow, newest_runs
from trapline_common.ledger.views.status import AlertCounts, FailingPage, alert_counts, failing_pages
from trapline_common.ledger.views.together import read_together

ROWS = 100
"""Rows at once."""
CHANGES = 40
"""Changes at once."""
FOUND = 50
"""Rows of a search at most."""
FAILING = 200
"""Failing pages at once."""
_LINES = 6
_ALERT_STATUSES = frozenset({"due", "sent", "refused", "muted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsParameters:
    """Which runs."""

    crawl: str = ""
    """Of this crawl only."""
    show: str = ""
    """``failed``: with a failed task, or refused; or a status or an outcome."""
    before: int | None = None
    """Before this run: where the list goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsScreen:
    """The newest runs."""

    at: datetime
    """The moment."""
    runs: tuple[RunRow, ...]
    """The runs, newest first."""
    more: bool = False
    """Whether the list goes on."""


async def runs_screen(database: Database, asked: RunsParameters) -> RunsScreen:
    """Return the newest runs."""
    failed = asked.show == "failed"
    status = None if failed else asked.show or None
    runs = newest_runs(limit=ROWS + 1, crawl=asked.crawl or None, status=status, failed=failed, before=asked.before)
    found = await read_together(database, runs, MOMENT)
    return RunsScreen(at=found[MOMENT], runs=found[runs][:ROWS], more=len(found[runs]) > ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesParameters:
    """Which pages."""

    q: str = ""
    """A part of the URL."""
    offset: int = 0
    """Pages to pass over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesScreen:
    """Pages of every crawl."""

    at: datetime
    """The moment."""
    pages: tuple[CrawlPage, ...]
    """The pages, those that fail first."""
    total: int
    """How many there are."""


async def pages_screen(database: Database, asked: PagesParameters) -> PagesScreen:
    """Return pages of every crawl."""
    shown = pages(limit=ROWS, offset=asked.offset, part=asked.q or None)
    found = await read_together(database, shown, MOMENT)
    return PagesScreen(at=found[MOMENT], pages=found[shown].rows, total=found[shown].total)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesParameters:
    """Which changes."""

    crawl: str = ""
    """Of this crawl only."""
    since: datetime | None = None
    """After this moment only."""
    at: datetime | None = None
    """Before this moment, with ``after``: where the list goes on."""
    after: int = 0
    """Behind this observation, with ``at``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesScreen:
    """Changes of every page."""

    at: datetime
    """The moment."""
    changes: tuple[ChangeCard, ...]
    """The changes, newest first."""
    more: bool = False
    """Whether the list goes on."""


async def changes_screen(database: Database, asked: ChangesParameters) -> ChangesScreen:
    """Return changes of every page."""
    before = None if asked.at is None else (asked.at, asked.after)
    cards = changes(limit=CHANGES + 1, lines=_LINES, crawl=asked.crawl or None, since=asked.since, before=before)
    found = await read_together(database, cards, MOMENT)
    return ChangesScreen(at=found[MOMENT], changes=found[cards][:CHANGES], more=len(found[cards]) > CHANGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresParameters:
    """Which failures."""

    reason: str = ""
    """Of this reason only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresScreen:
    """What is broken: pages apart from the machine."""

    at: datetime
    """The moment."""
    pages: tuple[FailingPage, ...]
    """Pages that fail, longest first."""
    total: int
    """How many there are."""
    known: int
    """How many of them are acknowledged or muted."""
    invocations: tuple[InvocationRow, ...]
    """The newest invocations that ended badly."""


async def failures_screen(database: Database, asked: FailuresParameters) -> FailuresScreen:
    """Return what is broken."""
    statuses = (InvocationStatus.FAILED, InvocationStatus.ORPHANED)
    found = await read_together(
        database,
        failing := failing_pages(limit=FAILING, reason=asked.reason or None),
        ended := invocations(limit=20, statuses=tuple(str(each) for each in statuses)),
        MOMENT,
    )
    return FailuresScreen(
        at=found[MOMENT],
        pages=found[failing].pages,
        total=found[failing].total,
        known=found[failing].known,
        invocations=found[ended],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsParameters:
    """Which alerts."""

    status: str = ""
    """``due``, ``sent``, ``refused`` or ``muted`` only."""
    crawl: str = ""
    """Of this crawl only."""
    before: int | None = None
    """Before this alert: where the list goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsScreen:
    """Who was told what."""

    at: datetime
    """The moment."""
    counts: AlertCounts
    """The outbox in numbers."""
    alerts: tuple[AlertRow, ...]
    """The alerts, newest first."""
    more: bool = False
    """Whether the list goes on."""


async def alerts_screen(database: Database, asked: AlertsParameters) -> AlertsScreen:
    """Return who was told what."""
    status = asked.status if asked.status in _ALERT_STATUSES else None
    found = await read_together(
        database,
        rows := alerts(limit=ROWS + 1, status=status, crawl=asked.crawl or None, before=asked.before),
        counts := alert_counts(),
        MOMENT,
    )
    shown = found[rows]
    return AlertsScreen(at=found[MOMENT], counts=found[counts], alerts=shown[:ROWS], more=len(shown) > ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindParameters:
    """What is looked for."""

    q: str = ""
    """A run's number, or a part of a crawl's name or of a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindScreen:
    """What a search found."""

    at: datetime
    """The moment."""
    found: tuple[Found, ...]
    """Runs, crawls and pages."""


async def find_screen(database: Database, asked: FindParameters) -> FindScreen:
    """Return what a search finds; nothing for an empty one."""
    text = asked.q.strip()
    reads = [search(text, limit=FOUND)] if text else []
    found = await read_together(database, MOMENT, *reads)
    return FindScreen(at=found[MOMENT], found=found[reads[0]] if reads else ())
