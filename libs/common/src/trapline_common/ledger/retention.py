"""Retention: delete finished rows from the hot tables, in small batches; pages and their baselines stay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load

_RETENTION = load("retention")

RETENTION_DAYS = "TRAPLINE_RETENTION_DAYS"
"""The environment variable; empty, or not set: nothing is ever deleted."""

LONGEST = 36_500
"""Days. A larger number is a mistake, and the database can't subtract any number of days from its clock."""

BATCH = 2_000
"""Rows of one transaction: a few tens of milliseconds, of rows that no other process writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long the ledger keeps what has ended."""

    days: int
    """Days since its end."""
    archived_only: bool = False
    """Whether a run that was opened is deleted only once it is archived."""

    @classmethod
    def read(cls, environ: Mapping[str, str], *, archived_only: bool) -> Self | None:
        """Read the environment; ``None``: keep all. Raises ``InputRefusedError`` that names the variable."""
        text = environ.get(RETENTION_DAYS)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LONGEST)) and 1 <= int(text) <= LONGEST):
            raise InputRefusedError(
                f"environment: {RETENTION_DAYS}: {text!r} is not a number of days from 1 to {LONGEST}"
            )
        return cls(days=int(text), archived_only=archived_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """What one call of ``retire`` deleted."""

    runs: int
    """Runs that are gone."""
    rows: int
    """Rows that are gone, of all tables."""
    left: bool
    """Whether the time was over before everything was deleted."""


async def retire(
    database: Database, retention: Retention, *, within: float, clock: Callable[[], float], batch: int = BATCH
) -> Retired:
    """Delete what ended more than ``retention.days`` ago, batch by batch, for about ``within`` seconds of ``clock``.

    Each batch is a transaction of its own, under a lock that is not waited for: while another process deletes, this
    one stops. A run is gone for every reader with its first batch. It never deletes a baseline, an unended run, a due
    alert, or a text that a kept observation relies on (``trapline.retire`` in the migrations says how).
    """
    ends = clock() + within
    runs = rows = 0
    while True:
        row = await database.fetchrow(_RETENTION["retire"], retention.days, retention.archived_only, batch)
        assert row is not None
        runs, rows = runs + row["runs"], rows + row["rows"]
        if row["rows"] < batch:
            return Retired(runs=runs, rows=rows, left=False)
        if clock() >= ends:
            return Retired(runs=runs, rows=rows, left=True)
