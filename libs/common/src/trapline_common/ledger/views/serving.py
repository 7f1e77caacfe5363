"""The process that serves a ledger on one machine, and the ticks that were missed while there was none."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.ledger.views.together import Read, read_alone, row_of, rows_of

_QUERIES = load("views/serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A ``trapline serve``, as it said last; whether it lives is a question of ``seen_at``."""

    file: str
    """The ``crawls.yaml`` whose schedules it keeps."""
    place: str
    """Host and process, as an invocation's."""
    started_at: datetime
    """When it began."""
    seen_at: datetime
    """When it said last that it lives: every minute."""
    stopped_at: datetime | None
    """When it ended in order; ``None``: it lives, or was killed."""
    refused: str | None
    """Why the file as it is now is refused, in the words of ``trapline config``; ``None``: it is not."""
    refused_at: datetime | None
    """Since when."""

    @property
    def where(self) -> str:
        """Return host and process id, for a person."""
        host, *rest = self.place.rsplit(":", 3)
        return f"{host}, process {rest[1]}" if len(rest) == 3 else self.place  # noqa: PLR2004  (host:boot:pid:start)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedTicks:
    """Ticks of one crawl that nobody was there to fire, in the last 24 hours."""

    crawl: str
    """The crawl."""
    ticks: int
    """How many were recorded as skipped."""
    last: datetime
    """The newest of them."""


def serving() -> Read[Serving | None]:
    """Read the process that serves this ledger, or did last; ``None``: none ever did."""
    return Read(query=_QUERIES["serving"], made=row_of(Serving))


async def read_serving(database: Database) -> Serving | None:
    """Return the process that serves this ledger, or did last; ``None``: none ever did."""
    return await read_alone(database, serving())


def missed_ticks() -> Read[tuple[MissedTicks, ...]]:
    """Read the ticks that were missed lately, by crawl."""
    return Read(query=_QUERIES["missed"], made=rows_of(MissedTicks))
