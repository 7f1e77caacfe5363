"""The kept session of a crawl and the right to refresh it: one invocation logs in, the others wait for its result."""

from dataclasses import dataclass

from trapline_common.domain.ids import InvocationId
from trapline_common.domain.observation import Failure, Reason
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load
from trapline_common.ledger.visit_arguments import failure_columns

_SESSIONS = load("sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSession:
    """A crawl's row. Ages are by the database's clock."""

    version: int = 0
    """How many log-ins were recorded, good or bad; 0: the crawl has no row."""
    binding: str | None = None
    """A keyed hash over the crawl's name, its steps and their secrets; under another one the state is of no use."""
    state: bytes | None = None
    """Cookies and local storage, sealed by the crawler; ``None`` when the last log-in failed."""
    age: float | None = None
    """Seconds since ``state`` was made."""
    since_tried: float | None = None
    """Seconds since the last log-in that reached the site, good or bad."""
    failure: Failure | None = None
    """Why the last log-in failed; ``None`` when it did not."""
    screenshot: str | None = None
    """The artifact key of the page on which the last log-in failed."""


async def read(database: Database, crawl: str) -> KeptSession:
    """Return the crawl's row; version 0 when it has none."""
    row = await database.fetchrow(_SESSIONS["read"], crawl)
    if row is None:
        return KeptSession()
    return KeptSession(
        version=row["version"],
        binding=row["binding"],
        state=row["state"],
        age=row["age"],
        since_tried=row["since_tried"],
        failure=_failure(row["reason"], row["detail"]),
        screenshot=row["screenshot"],
    )


def _failure(reason: str | None, detail: str | None) -> Failure | None:
    if reason is None:
        return None
    if reason not in list(Reason):  # a word of another release
        return Failure(reason=Reason.STEP, detail=f"{reason}: {detail or ''}", retry=False)
    return Failure(reason=Reason(reason), detail=detail or "", retry=False)


async def claim(database: Database, crawl: str, holder: InvocationId, *, version: int, seconds: float) -> bool:
    """Take the right to log in for ``seconds``; ``False`` when another has it, or has moved on from ``version``.

    The right ends with the invocation that holds it, so one that was killed in its log-in delays the others briefly.
    """
    return await database.fetchrow(_SESSIONS["claim"], crawl, holder, version, seconds) is not None


async def keep(
    database: Database, crawl: str, holder: InvocationId, *, version: int, binding: str, state: bytes
) -> int | None:
    """Keep the state of a log-in under the next version and return that; ``None`` when the right was lost meanwhile."""
    kept: int | None = await database.fetchval(_SESSIONS["keep"], crawl, holder, version, binding, state)
    return kept


async def refuse(
    database: Database,
    crawl: str,
    holder: InvocationId,
    *,
    version: int,
    binding: str,
    failure: Failure,
    screenshot: str | None,
) -> None:
    """Record that the steps failed for good; invocations that wait read why. Writes nothing when the right was lost."""
    reason, detail = failure_columns(failure)
    await database.fetchrow(_SESSIONS["refuse"], crawl, holder, version, binding, reason, to_text(detail), screenshot)


async def release(database: Database, crawl: str, holder: InvocationId) -> None:
    """Give the right back without a result: another invocation may try at once."""
    await database.fetchrow(_SESSIONS["release"], crawl, holder)
