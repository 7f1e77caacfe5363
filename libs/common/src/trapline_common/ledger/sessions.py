"""The kept session of a crawl, and the right to refresh it: one invocation logs in, the others wait for what it kept."""

from dataclasses import dataclass

from trapline_common.domain.ids import InvocationId
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_SESSIONS = load("sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSession:
    """A crawl's row. ``state`` is sealed; ``None`` when there is none.

    ``problem``: why the last log-in failed, in the words of a ``Failure``: its reason, a colon, its detail.
    ``age`` and ``since_tried``: seconds since the state was made, and since the last log-in, by the database's clock.
    """

    version: int = 0
    binding: str | None = None
    state: bytes | None = None
    age: float | None = None
    since_tried: float | None = None
    problem: str | None = None
    screenshot: str | None = None


async def read(database: Database, crawl: str) -> KeptSession:
    """Return what is kept; version 0 when nothing ever was."""
    row = await database.fetchrow(_SESSIONS["read"], crawl)
    return KeptSession() if row is None else KeptSession(**dict(row))


async def claim(database: Database, crawl: str, holder: InvocationId, *, version: int, seconds: float) -> bool:
    """Take the right to log in for ``seconds``; ``False`` when another has it, or has moved on from ``version``.

    The right ends with the invocation that holds it, so one that was killed in its log-in holds up nobody for long.
    """
    return await database.fetchrow(_SESSIONS["claim"], crawl, holder, version, seconds) is not None


async def keep(
    database: Database, crawl: str, holder: InvocationId, *, version: int, binding: str, state: bytes
) -> int | None:
    """Keep the state of a log-in under the next version, and return that; ``None`` when the right was lost meanwhile."""
    kept: int | None = await database.fetchval(_SESSIONS["keep"], crawl, holder, version, binding, state)
    return kept


async def refuse(
    database: Database,
    crawl: str,
    holder: InvocationId,
    *,
    version: int,
    binding: str,
    problem: str,
    screenshot: str | None,
) -> None:
    """Record that the steps failed for good, for all who wait; nothing happens when the right was lost meanwhile."""
    await database.fetchrow(_SESSIONS["refuse"], crawl, holder, version, binding, to_text(problem), screenshot)


async def release(database: Database, crawl: str, holder: InvocationId) -> None:
    """Give the right back without a result: the next may try at once."""
    await database.fetchrow(_SESSIONS["release"], crawl, holder)
