"""Which ticks of a schedule are due: pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from trapline_common.config.schedule_times import ticks
from trapline_common.ledger.schedules import KeptSchedule

FAR = timedelta(days=1)
"""The next look at a schedule comes after that long at the latest, however far its next tick is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What a look at a schedule finds."""

    missed: list[datetime]
    """Ticks without a record that the latest one makes up for, in order."""
    latest: datetime | None
    """The tick that opens a run now; ``None``: none is due."""
    again_at: datetime
    """When the next look can find something."""


def due(kept: KeptSchedule, *, jitter: float, now: datetime, not_before: datetime) -> Due:
    """Return which ticks are due at ``now``.

    ``jitter``: seconds within which each tick is placed, as EventBridge's flexible window does it: whole minutes. A
    tick's place in it is the same after a restart, and never as late as the next tick. Ticks before ``not_before`` are
    not looked for: their records would not be kept.
    """
    after = max(kept.recorded_to, not_before)
    coming = ticks(kept.expression, kept.timezone, after=after, since=kept.since)
    found = list(takewhile(lambda tick: tick <= now, coming))
    following = next(ticks(kept.expression, kept.timezone, after=now, since=kept.since), None)
    again_at = min(now + FAR, now + FAR if following is None else following)
    if found:
        fires_at = found[-1] + _place(kept.crawl, found[-1], jitter, following)
        if fires_at > now:
            found.pop()
            again_at = min(again_at, fires_at)
    return Due(missed=found[:-1], latest=found[-1] if found else None, again_at=again_at)


def _place(crawl: str, tick: datetime, jitter: float, following: datetime | None) -> timedelta:
    """Return how long after its time a tick fires."""
    window = -(-jitter // 60) * 60
    if following is not None:
        window = min(window, (following - tick).total_seconds())
    digest = hashlib.sha256(f"{crawl} {tick.isoformat()}".encode()).digest()
    return timedelta(seconds=int(window * int.from_bytes(digest[:4], "big") / 2**32))
