"""Retention's second half on AWS: what the ledger names no more leaves the bucket; what it names never grows old."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from trapline_common.domain.stored_artifacts import Decided, Keeping, StoredArtifacts, decide
from trapline_common.ledger import artifacts
from trapline_common.ledger.connection import Database

AT_ONCE = 8
"""Artifacts that are put again at the same time."""


class Swept(NamedTuple):
    """What one tick did in the bucket."""

    deleted: int
    """Versions that are gone."""
    put_again: int
    """Keys that the ledger names, stored anew."""


NOTHING_SWEPT = Swept(deleted=0, put_again=0)


async def sweep_artifacts(keeping: Keeping, database: Database, *, within: float, clock: Callable[[], float]) -> Swept:
    """Walk on through the bucket for about ``within`` seconds of ``clock``; a walk is due once a day.

    Ticks that overlap decide alike, and the one that is behind stops. Raises ``TransientError``: the next tick goes on
    where this one came to.
    """
    store, until = keeping.store, clock() + within
    deleted = put_again = 0
    after = await artifacts.walk(database, store.name)
    while after is not None and clock() < until:
        page = await store.page(after)
        named = await artifacts.named(database, sorted({version.key for version in page.versions}))
        decided = decide(page.versions, named=named.keys, now=named.now, refresh_after=keeping.backstop / 2)
        await store.delete(decided.over)
        deleted += len(decided.over)
        count, reached = await _put_again(store, decided, until=until, clock=clock)
        put_again += count
        cut = count < len(decided.ageing)
        to = (reached or after) if cut else page.last
        if not await artifacts.step(database, store.name, after=after, to=to) or cut:
            break
        after = to
    return Swept(deleted=deleted, put_again=put_again)


async def _put_again(
    store: StoredArtifacts, decided: Decided, *, until: float, clock: Callable[[], float]
) -> tuple[int, str | None]:
    """Put again what grows old, until the time is over; return how much, and up to which key."""
    count, reached = 0, None
    for first in range(0, len(decided.ageing), AT_ONCE):
        if clock() >= until:
            break
        some = decided.ageing[first : first + AT_ONCE]
        await asyncio.gather(*(store.put_again(version) for version in some))
        count, reached = count + len(some), some[-1].key
    return count, reached
