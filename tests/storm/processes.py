"""Whether the lanes' limits hold for processes: those that can run, and the visits that they have open."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.storm.presence import Seen, look
from tests.storm.scale import Scale

WAKES_FOR = 2.0
"""Seconds after SIGCONT within which a process that was stopped for too long must have ended."""


class Limits(NamedTuple):
    """A lane's limits, as the ledger had them."""

    since: float
    """From when on, by the monotonic clock."""
    cap: int
    """Most invocations."""
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
class Processes:
    """Judges one look after the other; ``broken`` are sentences about what must not be."""

    folder: Path
    """Of the processes' presence files."""
    scale: Scale
    """The product's times."""
    worst: Counter[str] = field(default_factory=Counter)
    """The most processes that could run at once, by lane."""
    most_visits: Counter[str] = field(default_factory=Counter)
    """The most visits that were open at once, by lane: each lane has one host."""
    stopped: int = 0
    """Processes that were seen under SIGSTOP; they are no part of ``worst``."""
    broken: Counter[str] = field(default_factory=Counter)
    """Sentences, with how often each was true."""
    _limits: defaultdict[str, list[Limits]] = field(default_factory=lambda: defaultdict(list))
    """By lane, from when on which limits held."""
    _asleep: dict[int, Stopped] = field(default_factory=dict)
    """Processes that were seen under SIGSTOP."""

    def limit(self, lane: str, cap: int, slots: int | None) -> None:
        """Note a lane's limits as the ledger has them now."""
        known = self._limits[lane]
        if not known or (known[-1].cap, known[-1].slots) != (cap, slots):
            known.append(Limits(since=time.monotonic(), cap=cap, slots=slots))

    def look(self) -> dict[int, Seen]:
        """Return what is there now, for ``judge``."""
        return look(self.folder)

    def judge(self, before: dict[int, Seen], given_away: Mapping[int, str]) -> None:
        """Look again: what was there both times was there together, and while the ledger was read in between.

        ``given_away``: by process, how an invocation ended whose slot the ledger had given away by then.
        """
        after = look(self.folder)
        running, visits = Counter[str](), Counter[str]()
        for pid, then in before.items():
            now = after.get(pid)
            if now is None or then.stopped or now.stopped or self._overslept(pid):
                continue
            if pid in given_away:
                self.broken[f"a crawler that can run though its invocation is {given_away[pid]}"] += 1
            running[then.lane] += 1
            visits[then.lane] += max(0, min(then.open, now.open - (now.opened - then.opened)))
        for lane, count in running.items():
            self.worst[lane] = max(self.worst[lane], count)
            cap = max((limits.cap for limits in self._in_force(lane)), default=count)
            if count > cap:
                self.broken[f"{count} crawlers that can run in a lane of {cap}"] += 1
        for lane, count in visits.items():
            self.most_visits[lane] = max(self.most_visits[lane], count)
            allowed = [limits.slots for limits in self._in_force(lane)]
            slots = count if None in allowed else max(filter(None, allowed), default=count)
            if count > slots:
                self.broken[f"{count} visits at once of a host with {slots} slots"] += 1
        for seen in after.values():
            self._watch_sleeper(seen)

    def _in_force(self, lane: str) -> list[Limits]:
        """Return the limits that a process may still go by: a lowered one binds after a heartbeat and a visit."""
        since = time.monotonic() - self.scale.lowered
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
        return (sleeper.woke or time.monotonic()) - sleeper.since > self.scale.heartbeat_ttl

    def _watch_sleeper(self, seen: Seen) -> None:
        now, sleeper = time.monotonic(), self._asleep.get(seen.pid)
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
