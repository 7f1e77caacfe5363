"""The sign that no run was due: with it the alarm `silence` tells a pause on purpose from one that nobody meant."""

from collections.abc import Iterable
from datetime import datetime

from trapline_common.config.models import CrawlConfig
from trapline_common.config.schedule_times import next_after
from trapline_common.ledger.connection import Database
from trapline_common.ledger.last_success import last_success
from trapline_common.platform.logging import get_logger

EVENT = "nothing_was_due"
"""What the metric filter of ``terraform/modules/alarms`` counts beside ended runs."""
FIRST_MINUTES = 2
"""Minutes of an hour in which a tick says so: two, so that one tick may be lost. The alarm counts hours."""

_log = get_logger("dispatcher")


async def tell_nothing_due(database: Database, crawls: Iterable[CrawlConfig]) -> None:
    """Log, once or twice an hour, that no enabled crawl was due since the last run that succeeded.

    In a new ledger: since it was made. Raises ``LedgerUnavailableError``.
    """
    last = await last_success(database)
    if last.now.minute < FIRST_MINUTES and not is_due(crawls, since=last.since, now=last.now):
        _log.info(EVENT, since=last.since.isoformat())


def is_due(crawls: Iterable[CrawlConfig], *, since: datetime, now: datetime) -> bool:
    """Return whether an enabled schedule fired after ``since`` and until ``now``. A rate counts from ``since``."""
    fires = (
        next_after(crawl.schedule, str(crawl.timezone), since) for crawl in crawls if crawl.enabled and crawl.schedule
    )
    return any(fire is not None and fire <= now for fire in fires)
