"""What goes wrong, and when: everything that a seed decides. Pure; the same seed makes the same decks and the same times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Fate(StrEnum):
    """What becomes of one Invoke."""

    CALM = "calm"
    THROTTLED = "throttled"  # 429
    UNANSWERED = "response lost"  # accepted, and the answer never came
    SLOW = "slow 202"  # the crawler runs before the dispatcher hears of it
    TWICE = "delivered twice"
    AGED = "past the event age"  # never delivered; a failure record says so
    LATE = "after orphaned"


class Receipt(StrEnum):
    """What becomes of one publish."""

    CALM = "calm"
    REFUSED = "refused for now"
    TIMED_OUT = "timed out"  # not accepted, and no answer
    UNANSWERED = "accepted, no answer"
    TWICE = "accepted twice"


class Record(StrEnum):
    """What becomes of a failure-queue record."""

    SOON = "soon"
    TWICE = "twice"
    LATE = "late"


class Act(StrEnum):
    """What happens to a process at a fail-point."""

    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    CUT = "half-open"


class Blow(StrEnum):
    """What happens to the database."""

    TERMINATE = "backend terminated"
    RESTART = "Postgres stopped at once"
    CUT = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doom:
    """``act`` strikes when the process comes to ``point`` for the ``nth`` time."""

    point: str
    nth: int
    act: Act


FATES = (
    *(Fate.CALM,) * 5,
    *(Fate.THROTTLED, Fate.SLOW) * 2,
    *(Fate.UNANSWERED, Fate.TWICE, Fate.AGED, Fate.LATE),
)
RECEIPTS = (*(Receipt.CALM,) * 3, Receipt.REFUSED, Receipt.TIMED_OUT, Receipt.UNANSWERED, Receipt.TWICE)
RECORDS = (Record.SOON, Record.TWICE, Record.LATE)

POINTS: dict[str, tuple[tuple[str, int], ...]] = {
    "crawler": (
        ("before ready", 1),
        ("after ready", 1),
        ("before lease_share", 2),
        ("after lease_share", 2),
        ("before start", 20),
        ("after start", 20),
        ("before complete_visit", 20),
        ("after complete_visit", 20),
        ("alert committed", 2),
        ("alert committed", 2),
        ("alert committed", 1),
        ("before upload", 1),
        ("after upload", 1),
        ("before heartbeat", 4),
        ("before commit", 2),
        ("after commit", 2),
        ("before succeed", 1),
        ("after succeed", 1),
        ("before nudge", 2),
    ),
    "dispatcher": (
        ("after insert", 1),
        ("before opened", 1),
        ("after lock_exclusive", 2),
        ("after orphan", 1),
        ("after rescue", 1),
        ("after insert_missing", 1),
        ("before claim_asking", 2),
        ("after claim_asking", 2),
        ("before invoke", 3),
        ("after invoke", 3),
        ("before pending", 2),
        ("after pending", 2),
        ("before commit", 4),
        ("after commit", 4),
    ),
    "notifier": (
        ("after claim", 1),
        ("before publish", 2),
        ("after publish", 2),
        ("before mark_sent", 2),
        ("after mark_sent", 2),
        ("before release", 1),
    ),
}
"""Where each function may be struck: the named calls of its ports and queries, and how deep into its work."""

SPARED = {"crawler": 1, "dispatcher": 2, "notifier": 2}
"""Processes that are left alone for each one that is doomed."""

ACTS = (Act.KILL, Act.KILL, Act.STOP, Act.CUT)


class Weather:
    """One seed's storm. The decks are dealt as long as it lasts; after ``seconds`` everything is calm."""

    def __init__(self, seed: int, *, seconds: float) -> None:
        self.seconds = seconds
        self._random = Random(f"weather {seed}")  # noqa: S311  (chance, no secret)
        self._fates = self._dealt("fates", seed, FATES)
        self._receipts = self._dealt("receipts", seed, RECEIPTS)
        self._records = self._dealt("records", seed, RECORDS)
        self._dooms = {role: self._doomed(seed, role) for role in POINTS}
        self.blows = self._blows()
        self.over = False

    def fate(self) -> Fate:
        """Return what becomes of the next Invoke."""
        return Fate.CALM if self.over else next(self._fates)

    def receipt(self) -> Receipt:
        """Return what becomes of the next publish."""
        return Receipt.CALM if self.over else next(self._receipts)

    def record(self) -> Record:
        """Return what becomes of the next failure-queue record."""
        return Record.SOON if self.over else next(self._records)

    def doom(self, role: str) -> Doom | None:
        """Return what the next process of ``role`` is doomed to."""
        return None if self.over else next(self._dooms[role])

    def loses_nudge(self) -> bool:
        """Say whether the next nudge is lost."""
        return not self.over and self._random.random() < 0.15

    def pick(self, things: Sequence[T]) -> T:
        """Return one of ``things``."""
        return self._random.choice(things)

    def _dealt(self, name: str, seed: int, deck: Sequence[T]) -> Iterator[T]:
        random = Random(f"{name} {seed}")  # noqa: S311  (chance, no secret)
        while True:
            yield from random.sample(deck, len(deck))

    def _doomed(self, seed: int, role: str) -> Iterator[Doom | None]:
        points, acts = self._dealt(f"{role} points", seed, POINTS[role]), self._dealt(f"{role} acts", seed, ACTS)
        random = Random(f"{role} dooms {seed}")  # noqa: S311  (chance, no secret)
        for doomed in self._dealt(f"{role} spared", seed, (True, *(False,) * SPARED[role])):
            if doomed:
                point, deepest = next(points)
                yield Doom(point=point, nth=random.randint(1, deepest), act=next(acts))
            else:
                yield None

    def _blows(self) -> list[tuple[float, Blow]]:
        """Return when the database is struck, in seconds from the start, in order."""
        blows = (Blow.RESTART, *(Blow.TERMINATE,) * 3, *(Blow.CUT,) * 2)
        return sorted((self._random.uniform(0.1, 0.9) * self.seconds, blow) for blow in blows)
