"""Waves: invocations that an execution of Step Functions calls, all those of one count together.

The execution only delivers rows that the count made. Its name is in the rows, so that whoever asks again asks for the
same one.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.domain.messages import WaveItem
from trapline_common.domain.via import WAVED, Via
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.invocations import ASK_AGAIN_AFTER
from trapline_common.ledger.queries import load

_LANES = load("lanes")
_WAVES = load("waves")

EXECUTION_ENDED = "its execution ended"
"""The reason of an invocation whose execution ended before it was called."""


class Way(NamedTuple):
    """How one row is asked for."""

    invocation_id: InvocationId
    """The row."""
    lane: LaneName
    """Its lane."""
    via: Via
    """The way, frozen when the row was made."""


async def ways(database: Database, ids: Sequence[InvocationId]) -> list[Way]:
    """Return how each of these rows is asked for, the oldest first."""
    rows = await database.fetch(_WAVES["ways"], list(ids))
    return [Way(InvocationId(row["id"]), LaneName(row["lane"]), Via(row["via"])) for row in rows]


async def claim(
    database: Database,
    lane: LaneName,
    ids: Sequence[InvocationId],
    *,
    wave: UUID,
    again_after: float = ASK_AGAIN_AFTER,
) -> list[WaveItem]:
    """Claim those of a lane's ``created`` rows that an execution calls and nobody asks for now.

    The first claim names them ``wave``; a later one finds, and keeps, the name that they have. Compare-and-set, as
    ``invocations.claim_asking`` is.
    """
    async with database.transaction():
        await database.fetch(_LANES["lock_shared"], lane)
        rows = await database.fetch(_WAVES["claim"], list(ids), again_after, wave)
    return [_item(row) for row in rows]


async def mark_pending(database: Database, lane: LaneName, ids: Sequence[InvocationId]) -> None:
    """``created -> pending`` for all that have not become ``ready`` before."""
    async with database.transaction():
        await database.fetch(_LANES["lock_shared"], lane)
        await database.fetch(_WAVES["pending"], list(ids))


async def next_item(
    database: Database, lane: LaneName, *, wave: UUID, delivery: str, longest_pause: float = 0.0
) -> WaveItem | None:
    """Count the lane and hand one missing invocation to the child execution ``delivery`` of ``wave``.

    ``None`` when none is missing, when the lane is asked for in another way by now, or when its cap was lowered.
    Asked again, the child gets what it got before, as long as no crawler has taken that.
    """
    given = await database.fetchrow(_WAVES["given_to"], wave, delivery)
    if given is not None:
        return _item(given)
    if await database.fetchval(_WAVES["via_of"], lane) not in WAVED:
        return None
    planned = await lanes.plan(database, lane, most=1, longest_pause=longest_pause)
    for invocation_id in planned.created:
        row = await database.fetchrow(_WAVES["give_to"], invocation_id, wave, delivery)
        return None if row is None else _item(row)
    return None


async def give_up(database: Database, wave: UUID, *, status: str) -> tuple[LaneName, int] | None:
    """End what an execution that ended never called; return its lane and how many rows, ``None`` when there was none.

    Else they would wait for their time to live.
    """
    lane = await database.fetchval(_WAVES["lane_of"], wave)
    if lane is None:
        return None
    async with database.transaction():
        await lanes.lock_exclusive(database, LaneName(lane))
        rows = await database.fetch(_WAVES["orphan"], wave, EXECUTION_ENDED, to_text(status) or None)
    return LaneName(lane), len(rows)


def _item(row: asyncpg.Record) -> WaveItem:
    return WaveItem(invocation_id=row["id"], lane=row["lane"], hop=row["hop"], via=Via(row["via"]), wave=row["wave"])
