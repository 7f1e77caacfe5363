"""What goes wrong, and when: everything that a seed decides. Pure: the same seed makes the same decks and times."""

from collections import defaultdict, deque
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


class Pause(StrEnum):
    """What becomes of the pause between two slices of a durable invocation."""

    CALM = "calm"
    LATE = "next slice after orphaned"
    STOPPED = "execution stopped"  # by a person; nobody tells the ledger


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
PAUSES = (*(Pause.CALM,) * 6, Pause.LATE, Pause.STOPPED)
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
    "slice": (
        ("before ready", 1, None),
        ("after ready", 1, None),
        ("before resume", 2, None),
        ("after resume", 2, None),
        ("before adopt", 1, None),
        ("after adopt", 1, None),
        ("after lease_share", 1, None),
        *(("after start", 6, None),) * 3,
        ("before complete_visit", 6, None),
        ("after complete_visit", 6, None),
        ("before keep", 1, None),
        ("after keep", 1, None),
        ("before rest", 1, None),
        ("after rest", 1, None),
        ("before succeed", 1, None),
        ("after succeed", 1, None),
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

Without an act, any may come. A "slice" is one call of the durable function.
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

AGAIN = {"crawler": (Doom(point="alert committed", nth=1, act=Act.KILL),) * 3}
"""What strikes first when the weather turns bad again: most pages that have something to tell are of the site's second
state."""

FIRST_STARTS = (Start.UNANSWERED, Start.ABORTED, Start.CALM, Start.UNANSWERED)
"""What the first executions of a storm meet, however few there are: what the names of waves are for."""

FIRST_FATES = (Fate.TWICE, Fate.CALM, Fate.TWICE)
FIRST_PAUSES = (Pause.CALM, Pause.LATE, Pause.CALM, Pause.STOPPED)
FIRST_WORDS = (False, True, False, False, True)
FIRST_SLICES = 12
"""The same of durable functions: events that come again, to another execution; pauses; words of steps that get lost;
calls of which some are struck."""

SPARED = {"crawler": 1, "slice": 1, "dispatcher": 2, "notifier": 2}
"""Processes that are left alone for each one that is doomed."""

ACTS = (Act.KILL, Act.KILL, Act.STOP, Act.CUT)


class Weather:
    """One seed's storm. The decks are dealt as long as it is not ``over``: ``seconds``, and half of that ``again``."""

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
        self._first_fates = iter(FIRST_FATES)
        self._first_pauses, self._first_words = iter(FIRST_PAUSES), iter(FIRST_WORDS)
        self._pauses = self._dealt("pauses", seed, PAUSES)
        self._words = self._dealt("words", seed, (True, *(False,) * 7))
        self._slices = 0
        self._dooms = {role: self._doomed(seed, role) for role in POINTS}
        self._slow = self._dealt("slow", seed, (True, False))
        self._stores = self._dealt("stores", seed, (True, False, False, False))
        self._again: defaultdict[str, deque[Doom]] = defaultdict(deque)
        self.blows = self._blows()
        self.over = False

    def again(self) -> None:
        """Turn bad again."""
        self.over = False
        self._again.update({role: deque(dooms) for role, dooms in AGAIN.items()})

    def fate(self, *, durable: bool = False) -> Fate:
        """Return what becomes of the next Invoke; of the first few of a ``durable`` function in any weather."""
        first = next(self._first_fates, None) if durable else None
        if first is not None:
            return first
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

    def pause(self) -> Pause:
        """Return what becomes of the next pause of a durable invocation; of the first few in any weather."""
        first = next(self._first_pauses, None)
        if first is not None:
            return first
        return Pause.CALM if self.over else next(self._pauses)

    def loses_word(self) -> bool:
        """Say whether the word that a step of a durable function has ended gets lost; of the first in any weather."""
        first = next(self._first_words, None)
        if first is not None:
            return first
        return not self.over and next(self._words)

    def doom(self, role: str) -> Doom | None:
        """Return what the next process of ``role``, a name of ``POINTS``, is doomed to; of slices in any weather."""
        self._slices += role == "slice"
        if self._again[role]:
            return self._again[role].popleft()
        calm = self.over and not (role == "slice" and self._slices <= FIRST_SLICES)
        return None if calm else next(self._dooms[role])

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
        """Return when the database is struck or a cap is moved, in seconds from the start, in order.

        Postgres is stopped before the cap is lowered or after it is raised: all crawlers die of that, and those made
        in their place are within a lowered cap.
        """
        blows = (*(Blow.TERMINATE,) * 3, *(Blow.CUT,) * 2)
        times = [(self._random.uniform(0.1, 0.9) * self.seconds, blow) for blow in blows]
        lowered = self._random.uniform(0.1, 0.25)
        raised = lowered + 0.5
        crash = self._random.choice((self._random.uniform(0.05, lowered), self._random.uniform(raised, 0.95)))
        times.append((crash * self.seconds, Blow.RESTART))
        moves = [(lowered * self.seconds, Blow.LOWER), (raised * self.seconds, Blow.RAISE)]
        if self._via is not Via.EVENT:
            moves += [(0.4 * self.seconds, Blow.SWITCH), (0.7 * self.seconds, Blow.BACK)]
        return sorted([*times, *moves])
