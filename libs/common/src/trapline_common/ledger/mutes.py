"""Mutes: for a while, and for a reason, alerts of a crawl or of one page are recorded and sent to nobody.

Visits and rows of failures go on. An alert is muted or not in the transaction that writes it; ``record_visit`` holds
the crawl's lock of mutes shared meanwhile, and who begins or ends a mute holds it exclusively. So what commits after
``mute`` has returned is muted, and what commits after ``unmute`` is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.given_reason import given_reason
from trapline_common.domain.ids import PageId
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_MUTES = load("mutes")

LONGEST = timedelta(days=366)
"""A mute has an end: what is to be silent for longer belongs into ``alert.on``."""


class MutedKind(StrEnum):
    """What a mute keeps back; as in ``alert.on``, ``failure`` stands for expectation, blocked and reminder too."""

    FAILURE = "failure"
    CHANGE = "change"
    RECOVERY = "recovery"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A mute that has begun."""

    mute_id: int
    """Its number."""
    until: datetime
    """Its end, by the ledger's clock."""
    replaced: bool
    """Whether another one of the same crawl or page was there, and ended with it."""


async def mute(
    database: Database,
    crawl: str,
    page_id: PageId | None,
    *,
    kinds: Sequence[MutedKind] = tuple(MutedKind),
    until: datetime | timedelta,
    reason: str,
    acted_by: str,
) -> Begun:
    """Mute a crawl, or with ``page_id`` one page of it, until a time, or for as long as that from now.

    One mute of the same crawl or page is there at a time: another one replaces it. Raises ``InputRefusedError`` for an
    end that is not ahead or further than ``LONGEST``, and without a reason or a kind.
    """
    given = given_reason(reason, why="a mute has a reason, for whoever wonders why nothing is told")
    if not kinds:
        raise InputRefusedError("name at least one kind to mute")
    at, seconds = (None, until.total_seconds()) if isinstance(until, timedelta) else (until, None)
    wanted = [kind for kind in MutedKind if kind in kinds]
    async with database.transaction():
        await database.fetch(_MUTES["lock"], crawl)
        if not await database.fetchval(_MUTES["is_ahead"], at, seconds, LONGEST.total_seconds()):
            raise InputRefusedError(f"a mute ends in the future, and within {LONGEST.days} days; `{until}` is not that")
        replaced = await database.fetch(_MUTES["end"], crawl, page_id, to_text(acted_by))
        row = await database.fetchrow(
            _MUTES["begin"], crawl, page_id, wanted, to_text(given), to_text(acted_by), at, seconds
        )
    assert row is not None, "an insert returns its row"
    return Begun(mute_id=row["id"], until=row["until"], replaced=any(row["cut_short"] for row in replaced))


async def unmute(database: Database, crawl: str, page_id: PageId | None, *, acted_by: str) -> bool:
    """End the mute of a crawl, or of one page, now; ``False`` when there is none. Those of others stay."""
    async with database.transaction():
        await database.fetch(_MUTES["lock"], crawl)
        ended = await database.fetch(_MUTES["end"], crawl, page_id, to_text(acted_by))
    return any(row["cut_short"] for row in ended)


async def end_over(database: Database) -> int:
    """Note the end of mutes whose time is over; return how many. They mute nothing since then, noted or not."""
    return len(await database.fetch(_MUTES["end_over"]))
