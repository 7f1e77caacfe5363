"""A host as all invocations share it: its turns and slots in a lane, and how often it refused."""

from dataclasses import dataclass

from trapline_common.domain.ids import LaneName
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.tasks import Lease

_HOSTS = load("hosts")

FIRST_BACKOFF = 5.0
"""Seconds; the back-off after one refusal. It doubles with each, a quarter up or down by chance."""

LONGEST_BACKOFF = 600.0
"""Seconds; unless the host itself asks for more by ``Retry-After``."""

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds; a host that asks for more than a day gets a day."""

SLOT_AGAIN_AFTER = 1.0
"""Seconds after which a slot of a full host is asked for again; a visit seldom takes less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The answer to a request for a turn at a host."""

    taken: bool
    """Whether the turn is the caller's; else nothing was taken."""
    wait: float
    """Seconds until the turn that was taken; else seconds within which none comes."""


async def take_turn(
    database: Database, lease: Lease, *, lane: LaneName, host: str, delay: float, slots: int | None, patience: float
) -> Turn:
    """Take the lane's next turn at ``host``, across all its invocations, if it comes within ``patience`` seconds.

    Turns are ``delay`` seconds apart; at most ``slots`` tasks visit the host at once. Stricter limits of the lane,
    as the ledger has them now, count instead. A task holds its slot as long as its lease, so a killed invocation keeps
    none; one whose run was cancelled holds it until its invocation ends or calls ``leave``.
    """
    row = await database.fetchrow(_HOSTS["take_turn"], lease.task_id, lease.seq, lane, host, delay, slots, patience)
    if row is None:
        raise AssertionError("take_turn returns a row")
    return Turn(taken=row["taken"], wait=SLOT_AGAIN_AFTER if row["wait"] is None else row["wait"])


async def leave(database: Database, lease: Lease) -> None:
    """Give a host's slot back after a visit whose lease was taken away: its page is closed now."""
    await database.fetch(_HOSTS["leave"], lease.task_id, lease.seq)


async def refused(database: Database, lease: Lease, host: str, *, retry_after: float | None) -> float:
    """Record that ``host`` answered 429 or 503 to the visit of ``lease``; return for how many seconds no visit starts.

    That holds for all invocations of all lanes. Visits that were under way together count as one refusal.
    """
    asked = min(retry_after or 0.0, LONGEST_RETRY_AFTER)
    await database.fetch(_HOSTS["refused"], lease.task_id, lease.seq, host, asked, FIRST_BACKOFF, LONGEST_BACKOFF)
    wait: float = await database.fetchval(_HOSTS["hold_off"], host, asked)
    return wait


async def answered(database: Database, host: str) -> None:
    """Record that ``host`` answers again: all invocations may visit it."""
    await database.fetch(_HOSTS["answered"], host)


async def forget(database: Database) -> None:
    """Delete the rows of hosts, and of their robots.txt, that no visit has touched for a week."""
    await database.fetch(_HOSTS["forget"])
