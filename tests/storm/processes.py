"""Whether the lanes' limits hold for processes: those that can run, and the visits that they have open."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from tests.storm.presence import Seen, look
from tests.storm.scale import Scale

WAKES_FOR = 2.0
"""Seconds after SIGCONT within which a process that was stopped for too long must have ended."""


class Limits(NamedTuple):
    """A lane's limits, as the ledger had them."""

    since: float
    """When they were seen first, by the monotonic clock."""
    cap: int
    """Most invocations."""
    pages: int
    """Most pages in flight, of one invocation."""
    slots: int | None
    """Most visits of a host; ``None``: no limit."""


@dataclass(slots=True, kw_only=True)
class Stopped:
    """A process that was seen under SIGSTOP."""

    since: float
    """When first."""
    opened: int
    """Visits it had opened by then."""
    woke: float | None = None
    """When it was seen to run again."""


@dataclass(slots=True, kw_only=True)
class Lowered:
    """A lane's cap, and what each process has opened since it binds."""

    cap: int
    """The cap that binds."""
    opened: dict[int, int] = field(default_factory=dict)
    """By process, the visits that it had opened when it was seen first under this cap."""


@dataclass(slots=True, kw_only=True)
class Processes:
    """Judges one look after the other; ``broken`` are sentences about what must not be."""

    folder: Path
    """Of the processes' presence files."""
    scale: Scale
    """The product's times."""
    clock: Callable[[], float] = time.monotonic
    """The monotonic clock, in seconds."""
    worst: Counter[str] = field(default_factory=Counter)
    """The most processes that could run at once, by lane."""
    most_visits: Counter[str] = field(default_factory=Counter)
    """The most visits that were open at once, by lane: each lane has one host."""
    stopped: int = 0
    """Processes that were seen under SIGSTOP; they are no part of ``worst``."""
    broken: Counter[str] = field(default_factory=Counter)
    """Sentences, with how often each was true."""
    _running: Counter[str] = field(default_factory=Counter)
    """By lane, how many could run at the last look."""
    _limits: defaultdict[str, list[Limits]] = field(default_factory=lambda: defaultdict(list))
    """By lane, from when on which limits held."""
    _binding: dict[str, Lowered] = field(default_factory=dict)
    """By lane, the cap that binds, since it was lowered last."""
    _asleep: dict[int, Stopped] = field(default_factory=dict)
    """Processes that were seen under SIGSTOP."""

    def limit(self, history: Iterable[tuple[str, int, int, int | None]]) -> None:
        """Note all limits that lanes have had so far, each lane's in order: lane, cap, pages in flight, slots."""
        now, known = self.clock(), Counter({lane: len(limits) for lane, limits in self._limits.items()})
        for lane, cap, pages, slots in history:
            if known[lane] > 0:
                known[lane] -= 1
            else:
                self._limits[lane].append(Limits(since=now, cap=cap, pages=pages, slots=slots))

    def running(self, lane: str) -> int:
        """Return how many crawlers of a lane could run at the last look."""
        return self._running[lane]

    def low_for(self, lane: str, cap: int) -> float:
        """Return for how many seconds a lane's cap has been that low; 0 when it is not."""
        known = self._limits[lane]
        low = takewhile(lambda limits: limits.cap <= cap, reversed(known))
        return max((self.clock() - limits.since for limits in low), default=0.0)

    def look(self) -> dict[int, Seen]:
        """Return what is there now, for ``judge``."""
        return look(self.folder)

    def judge(self, before: dict[int, Seen], given_away: Mapping[int, str], *, unaware: Collection[int]) -> None:
        """Look again: what was there both times was there together, and while the ledger was read in between.

        ``given_away``: by process, how an invocation ended whose slot the ledger had given away by then. ``unaware``:
        processes whose invocation a failure record has just ended after a silence; it may be about another delivery.
        """
        after = look(self.folder)
        running, visits = defaultdict[str, list[Seen]](list), Counter[str]()
        for pid, then in before.items():
            now = after.get(pid)
            if now is None or then.stopped or now.stopped or pid in unaware or self._overslept(pid):
                continue
            if pid in given_away:
                self.broken[f"a crawler that can run though its invocation is {given_away[pid]}"] += 1
            running[then.lane].append(now)
            visits[then.lane] += max(0, min(then.open, now.open - (now.opened - then.opened)))
        self._running = Counter({lane: len(crawlers) for lane, crawlers in running.items()})
        for lane, crawlers in running.items():
            self._hold_to_cap(lane, crawlers)
        for lane, count in visits.items():
            self.most_visits[lane] = max(self.most_visits[lane], count)
            allowed = [limits.slots for limits in self._in_force(lane, within=self.scale.lowered)]
            slots = count if None in allowed else max(filter(None, allowed), default=count)
            if count > slots:
                self.broken[f"{count} visits at once of a host with {slots} slots"] += 1
        for seen in after.values():
            self._watch_sleeper(seen)

    def _hold_to_cap(self, lane: str, crawlers: list[Seen]) -> None:
        """Compare with the lane's cap the crawlers that can run, and with one that was lowered those that go on.

        A crawler above a lowered cap brings to its end what it has begun, which takes as long as the machine takes:
        until the function's time is over it may be there. What it must not do is open more.
        """
        count = len(crawlers)
        self.worst[lane] = max(self.worst[lane], count)
        cap = max((limits.cap for limits in self._in_force(lane, within=self.scale.function)), default=count)
        if count > cap:
            self.broken[f"{count} crawlers that can run in the lane {lane}, whose cap is {cap}"] += 1
        lately = self._in_force(lane, within=self.scale.lowered)
        if not lately:
            return
        lowered = max(limits.cap for limits in lately)
        if lane not in self._binding or lowered != self._binding[lane].cap:
            self._binding[lane] = Lowered(cap=lowered)
        begun, opened = max(limits.pages for limits in lately), self._binding[lane].opened
        going_on = sum(seen.opened - opened.setdefault(seen.pid, seen.opened) > begun for seen in crawlers)
        if going_on > lowered:
            self.broken[f"{going_on} crawlers open pages in the lane {lane}, whose cap was lowered to {lowered}"] += 1

    def _in_force(self, lane: str, *, within: float) -> list[Limits]:
        """Return the limits that held at some time of the last ``within`` seconds."""
        since = self.clock() - within
        known = self._limits[lane]
        earlier = [limits for limits in known if limits.since <= since]
        return [*earlier[-1:], *known[len(earlier) :]]

    def _overslept(self, pid: int) -> bool:
        """Tell whether a process was stopped for so long that its place may be given away.

        After SIGCONT it needs a moment to notice, on a busy machine more than one look; ``_watch_sleeper`` judges it.
        """
        sleeper = self._asleep.get(pid)
        if sleeper is None:
            return False
        return (sleeper.woke or self.clock()) - sleeper.since > self.scale.heartbeat_ttl

    def _watch_sleeper(self, seen: Seen) -> None:
        now, sleeper = self.clock(), self._asleep.get(seen.pid)
        if seen.stopped:
            if sleeper is None:
                self.stopped += 1
                self._asleep[seen.pid] = Stopped(since=now, opened=seen.opened)
            return
        if sleeper is None:
            return
        if sleeper.woke is None:
            sleeper.woke = now
        if not self._overslept(seen.pid):
            return  # it was stopped so shortly that its place was not given away
        if seen.opened > sleeper.opened:
            self.broken["a process that was stopped past its time opened a visit after SIGCONT"] += 1
        if now - sleeper.woke > WAKES_FOR:
            self.broken[f"a process that was stopped past its time lived {WAKES_FOR:g} s after SIGCONT"] += 1
