"""What the tick does once an hour while it sleeps, without the ledger: it wakes up in time, and says that it lives."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import InputRefusedError, MessageRefusedError, TransientError
from trapline_common.domain.messages import Asleep, Reap, parse_dispatcher
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.nothing_due import EVENT, is_due
from trapline_dispatcher.services import Services

EARLY = timedelta(minutes=1)
"""How far this process's clock may be behind the ledger's, by which ``until`` was set."""

_log = get_logger("dispatcher")


async def goes_on_sleeping(services: Services, event: object) -> bool:
    """Say whether the event is the look of a tick that has no reason to wake up; the ledger is not asked.

    It wakes up when its time has come, when the deployment has other crawls, and when these can't be read. With the
    sign that no run was due it says no more than a tick that is awake: since the last success no crawl was to run.
    """
    asleep = _asleep(event)
    if asleep is None:
        return False
    now = services.clock()
    if now + EARLY >= asleep.until:
        return False
    try:
        crawls = (await services.config()).crawls.values()
    except (InputRefusedError, TransientError) as error:
        _log.error("crawls_not_read", reason=str(error))
        return False
    if digest(crawls) != asleep.crawls:
        return False
    if services.tells_nothing_due and not is_due(crawls, since=asleep.since, now=now):
        _log.info(EVENT, since=asleep.since.isoformat())
    return True


def digest(crawls: Iterable[CrawlConfig]) -> str:
    """Return a digest of what the ledger notes of each crawl: name, schedule, zone, and whether it is enabled."""
    rows = sorted([crawl.name, crawl.schedule or "", str(crawl.timezone), crawl.enabled] for crawl in crawls)
    return sha256(json.dumps(rows).encode()).hexdigest()


def _asleep(event: object) -> Asleep | None:
    if not isinstance(event, Mapping) or event.get("type") != "reap":
        return None
    try:
        message = parse_dispatcher(event)
    except MessageRefusedError:
        return None  # whoever reads it next refuses it
    return message.asleep if isinstance(message, Reap) else None
