"""What goes wrong, and when: everything that a seed decides. Pure: the same seed makes the same decks and times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from random import Random
from typing import TypeVar

from trapline_common.domain.via import WAVED, Via

T = TypeVar("T")


class Fate(StrEnum):
    """What becomes of one Invoke."""

    CALM = "calm"
    THROTTLED = "throttled"  # 429
    UNANSWERED = "response lost"  # accepted, and the answer never came
    SLOW = "slow 202"  # the crawler runs before the dispatcher gets the answer
    TWICE = "delivered twice"
    AGED = "past the event age"  # never delivered; a failure record says so
    LATE = "after orphaned"


COSTLY = frozenset({Fate.THROTTLED, Fate.UNANSWERED, Fate.AGED, Fate.LATE})
"""Losses and late events: each may cost one invocation, made in place of the one that did not start in time."""


class Receipt(StrEnum):
    """What becomes of one publish."""

    CALM = "calm"
    REFUSED = "refused for now"
    TIMED_OUT = "timed out"  # not accepted, and no answer
    UNANSWERED = "accepted, no answer"
    TWICE = "accepted twice"


class Start(StrEnum):
    """What becomes of one start of an execution."""

    CALM = "calm"
    THROTTLED = "throttled"
    UNANSWERED = "response lost"  # it runs, and calls late, and the answer never came
    GONE = "no such machine"
    ABORTED = "stopped"  # accepted, and stopped by a person a moment later


class Call(StrEnum):
    """What becomes of one call of a crawler by a child execution."""

    CALM = "calm"
    LOST = "throttled"  # never delivered, and the child says so
    SILENT = "never delivered"  # and nobody says so
    CUT = "answer lost"  # the child reports a call that was cut off, or waits with a token that no crawler knows
    TWICE = "delivered twice"
    LATE = "after orphaned"


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
    STUCK = "event loop stuck"


STARTS = (*(Start.CALM,) * 4, Start.THROTTLED, Start.UNANSWERED, Start.GONE, *(Start.ABORTED,) * 2)
CALLS = (*(Call.CALM,) * 6, Call.LOST, Call.SILENT, Call.CUT, Call.TWICE, Call.LATE)


class Blow(StrEnum):
    """What happens to the database, and what a person does to the lanes."""

    TERMINATE = "backend terminated"
    RESTART = "Postgres stopped at once"
    CUT = "half-open"
    LOWER = "cap lowered"
    RAISE = "cap raised"
    SWITCH = "lane switched to self"
    BACK = "lane switched back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doom:
    """What strikes one process, once."""

    point: str
    """A fail-point: a named call of a port or a query."""
    nth: int
    """At which coming there, from 1."""
    act: Act
    """What happens to the process then."""


FATES = (
    *(Fate.CALM,) * 5,
    *(Fate.THROTTLED, Fate.SLOW) * 2,
    *(Fate.UNANSWERED, Fate.TWICE, Fate.AGED, Fate.LATE),
)
RECEIPTS = (*(Receipt.CALM,) * 3, Receipt.REFUSED, Receipt.TIMED_OUT, Receipt.UNANSWERED, Receipt.TWICE)
RECORDS = (Record.SOON, Record.TWICE, Record.LATE)

POINTS: dict[str, tuple[tuple[str, int, Act | None], ...]] = {
    "crawler": (
        ("before ready", 1, None),
        ("after ready", 1, None),
        ("before lease_share", 2, None),
        ("after lease_share", 2, None),
        ("before start", 20, None),
        ("after start", 20, None),
        ("before complete_visit", 20, None),
        ("after complete_visit", 20, None),
        ("alert committed", 2, None),
        ("alert committed", 2, None),
        ("alert committed", 1, None),
        ("before complete_and_lease", 4, None),
        ("after complete_and_lease", 4, None),
        ("before complete_visit", 8, Act.STOP),
        ("before complete_and_lease", 3, Act.STOP),
        ("after start", 8, Act.STOP),
        ("before upload", 1, None),
        ("after upload", 1, None),
        ("before heartbeat", 4, None),
        ("before commit", 2, None),
        ("after commit", 2, None),
        ("before succeed", 1, None),
        ("after succeed", 1, None),
        ("before nudge", 2, None),
    ),
    "dispatcher": (
        ("after insert", 1, None),
        ("before opened", 1, None),
        ("after lock_exclusive", 2, None),
        ("after orphan", 1, None),
        ("after rescue", 1, None),
        ("after insert_missing", 1, None),
        ("before claim_asking", 2, None),
        ("after claim_asking", 2, None),
        ("before invoke", 3, None),
        ("after invoke", 3, None),
        ("before pending", 2, None),
        ("after pending", 2, None),
        ("before retire", 1, None),
        ("after retire", 1, None),
        ("before commit", 4, None),
        ("after commit", 4, None),
    ),
    "notifier": (
        ("after spread", 1, None),
        ("after hold", 2, None),
        ("after attempt", 2, None),
        ("before publish", 2, None),
        ("after publish", 2, None),
        ("before end", 2, None),
        ("after end", 2, None),
        ("before put_off", 1, None),
        ("before failed", 1, None),
    ),
}
"""Where each function may be struck: the named calls of its ports and queries, how deep into its work, and by what.

Without an act, any may come.
"""

BY_EXECUTIONS: dict[str, tuple[tuple[str, int, Act | None], ...]] = {
    "crawler": (
        ("before note_token", 1, None),
        ("after note_token", 1, None),
        ("before answer", 1, None),
        ("after answer", 1, None),
        ("before announce", 1, None),
        ("after announce", 1, None),
    ),
    "dispatcher": (
        ("before claim", 1, None),
        ("after claim", 2, None),
        ("before start wave", 2, None),
        ("after start wave", 2, None),
        ("after give_to", 1, None),
        ("before answer", 1, None),
        ("after announce", 1, None),
    ),
}
"""The same, in a storm whose lanes are worked by executions."""

FIRST = {
    "crawler": (
        ("before complete_visit", 5, Act.STOP),
        ("after start", 3, Act.STUCK),
        ("before complete_visit", 5, Act.CUT),
        ("after start", 5, Act.STUCK),
        ("alert committed", 1, Act.KILL),
        ("alert committed", 1, Act.KILL),
    )
}
"""What strikes first: a crawler that is stopped just before it writes a result, which must end when it wakes up; and
one whose result is held up in the network until another has the task, which is what the fence is for. One whose event
loop something keeps busy can't know that its place is given away: it must be gone before. One that is killed as soon
as the cause of an alert is committed: the alert must be there."""

FIRST_STARTS = (Start.UNANSWERED, Start.ABORTED, Start.CALM, Start.UNANSWERED)
"""What the first executions of a storm meet, however few there are: what the names of waves are for."""

SPARED = {"crawler": 1, "dispatcher": 2, "notifier": 2}
"""Processes that are left alone for each one that is doomed."""

ACTS = (Act.KILL, Act.KILL, Act.STOP, Act.CUT)


class Weather:
    """One seed's storm. The decks are dealt as long as it lasts; after ``seconds`` everything is calm."""

    def __init__(self, seed: int, *, seconds: float, via: Via = Via.EVENT) -> None:
        self.seconds = seconds
        self._via = via
        self._random = Random(f"weather {seed}")
        self._fates = self._dealt("fates", seed, FATES)
        self._receipts = self._dealt("receipts", seed, RECEIPTS)
        self._records = self._dealt("records", seed, RECORDS)
        self._first_starts = iter(FIRST_STARTS)
        self._starts = self._dealt("starts", seed, STARTS)
        self._calls = self._dealt("calls", seed, CALLS)
        self._told = self._dealt("told", seed, RECEIPTS)
        self._dooms = {role: self._doomed(seed, role) for role in POINTS}
        self._slow = self._dealt("slow", seed, (True, False))
        self._stores = self._dealt("stores", seed, (True, False, False, False))
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

    def start(self) -> Start:
        """Return what becomes of the next start of an execution; of the first few in any weather."""
        first = next(self._first_starts, None)
        if first is not None:
            return first
        return Start.CALM if self.over else next(self._starts)

    def call(self) -> Call:
        """Return what becomes of the next call by a child execution."""
        return Call.CALM if self.over else next(self._calls)

    def told(self) -> Receipt:
        """Return what becomes of the next answer to a task token, or announcement."""
        return Receipt.CALM if self.over else next(self._told)

    def doom(self, role: str) -> Doom | None:
        """Return what the next process of ``role`` is doomed to."""
        return None if self.over else next(self._dooms[role])

    def slow(self) -> bool:
        """Say whether the next process is slow between what it read and what it writes."""
        return not self.over and next(self._slow)

    def loses_nudge(self) -> bool:
        """Say whether the next nudge is lost."""
        return not self.over and self._random.random() < 0.15

    def store_away(self) -> bool:
        """Say whether the artifact store is away for the next crawler."""
        return not self.over and next(self._stores)

    def pick(self, things: Sequence[T]) -> T:
        """Return one of ``things``."""
        return self._random.choice(things)

    def _dealt(self, name: str, seed: int, deck: Sequence[T]) -> Iterator[T]:
        random = Random(f"{name} {seed}")
        while True:
            yield from random.sample(deck, len(deck))

    def _doomed(self, seed: int, role: str) -> Iterator[Doom | None]:
        more = BY_EXECUTIONS.get(role, ()) if self._via in WAVED else ()
        points = chain(FIRST.get(role, ()), self._dealt(f"{role} points", seed, (*more, *POINTS[role])))
        acts = self._dealt(f"{role} acts", seed, ACTS)
        random = Random(f"{role} dooms {seed}")
        for doomed in self._dealt(f"{role} spared", seed, (True, *(False,) * SPARED[role])):
            if doomed:
                point, deepest, act = next(points)
                yield Doom(point=point, nth=random.randint(1, deepest), act=act or next(acts))
            else:
                yield None

    def _blows(self) -> list[tuple[float, Blow]]:
        """Return when the database is struck or a cap is moved, in seconds from the start, in order."""
        blows = (Blow.RESTART, *(Blow.TERMINATE,) * 3, *(Blow.CUT,) * 2)
        times = [(self._random.uniform(0.1, 0.9) * self.seconds, blow) for blow in blows]
        lowered = self._random.uniform(0.05, 0.25) * self.seconds
        moves = [(lowered, Blow.LOWER), (lowered + 0.5 * self.seconds, Blow.RAISE)]
        if self._via in WAVED:
            moves += [(0.4 * self.seconds, Blow.SWITCH), (0.7 * self.seconds, Blow.BACK)]
        return sorted([*times, *moves])
