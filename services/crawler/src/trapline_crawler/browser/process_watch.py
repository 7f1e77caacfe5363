"""Watches what the browser's processes use: one that takes too much memory is killed, one that computes on steps back.

The kernel's own bounds are not at hand where crawlers run: on Lambda no group of processes can be made, and a limit on
a process's address space counts what V8 only reserves. So the crawler looks, some times a second.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.machine_memory import MIB, memory_here

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_RENDERERS = (b"--type=renderer", b"--type=zygote")
"""A renderer is forked from a zygote, and called one for a moment; a zygote itself has next to no memory."""
_LOWEST = 19
_ENROLS = 2
"""Every so many looks the process table is read for new processes, which costs as much as the looks themselves."""
_log = get_logger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """What one process of the browser may use, and all of them together."""

    renderer: int
    """Bytes of memory of a renderer, which shows one page or the frames of one."""
    main: int
    """Bytes of memory of any other process: it keeps blobs, storage and pictures of all pages."""
    together: int
    """Bytes of memory of all of them; shared pages count in each."""
    every: float = 0.25
    """Seconds between two looks. A page fills some hundred MiB meanwhile."""
    busy: float = 3.0
    """Seconds of processor time in a stretch of ``stretch``, after which a renderer steps back behind the others."""
    stretch: float = 3.0
    """Seconds of such a stretch."""

    @staticmethod
    def of_machine(memory: int | None = None) -> "ProcessLimits":
        """Return limits for a machine, or a function, of ``memory`` bytes; by default this one's."""
        there = memory or memory_here()
        return ProcessLimits(
            renderer=min(1024 * MIB, there * 3 // 8), main=min(1536 * MIB, there // 2), together=there * 3 // 4
        )


@dataclass(slots=True, kw_only=True)
class _Watched:
    """One process of the browser."""

    renderer: bool
    """Whether it is a renderer."""
    since: float
    """When its stretch began, on the watch's clock."""
    used: float
    """Seconds of processor time that it had used then."""
    memory: int = 0
    """Bytes in memory at the last look."""
    slowed: bool = False
    """Whether it stepped back."""


class ProcessWatch:
    """Watches the process group of one browser. ``start`` begins, ``stop`` ends it; Linux only, elsewhere it sees none.

    Of a renderer that is killed the browser says that its page crashed; ``kills`` counts, and ``why`` says it of the
    last. ``crashed`` counts the pages that crashed after so many kills; who visits them keeps it.
    """

    def __init__(self, group: int, limits: ProcessLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._limits = limits
        self._clock = clock
        self._watched: dict[int, _Watched] = {}
        self._strangers: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._looks = 0
        self.kills = 0
        self.crashed: Counter[int] = Counter()
        self.browser_killed = False
        self.why = ""

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    @property
    def slows_any(self) -> bool:
        """Whether a renderer that lives now stepped back: a page that is used again should not be in it."""
        return any(one.slowed for one in self._watched.values())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limits.every)
            self.look()

    def look(self) -> None:
        """Look once: kill what has too much memory, slow what computes on."""
        if self._looks % _ENROLS == 0:
            self._enrol()
        self._looks += 1
        for pid, one in tuple(self._watched.items()):
            self._measure(pid, one)
        for pid, one in tuple(self._watched.items()):
            limit = self._limits.renderer if one.renderer else self._limits.main
            if one.memory > limit:
                self._kill(pid, one, f"it used more than {limit // MIB} MiB of memory")
        if sum(one.memory for one in self._watched.values()) > self._limits.together:
            pid, one = max(self._watched.items(), key=lambda item: (item[1].renderer, item[1].memory))
            self._kill(pid, one, f"the browser used more than {self._limits.together // MIB} MiB of memory, most in it")

    def _enrol(self) -> None:
        present = set(_pids())
        for pid in self._watched.keys() - present:
            del self._watched[pid]
        self._strangers &= present
        now = self._clock()
        for pid in present - self._watched.keys() - self._strangers:
            with suppress(OSError):  # it ended meanwhile
                group, used, _ = _stat(pid)
                if group != self._group:
                    self._strangers.add(pid)
                    continue
                command = (_PROC / str(pid) / "cmdline").read_bytes()
                self._watched[pid] = _Watched(
                    renderer=any(kind in command for kind in _RENDERERS), since=now, used=used
                )

    def _measure(self, pid: int, one: _Watched) -> None:
        try:
            _, used, one.memory = _stat(pid)
        except OSError:
            one.memory = 0
            return
        if not one.renderer or one.slowed:
            return
        now = self._clock()
        if used - one.used >= self._limits.busy:
            one.slowed = True
            _slow(pid)
            _log.info("renderer_slowed", pid=pid, processor_seconds=round(used - one.used, 1))
        elif now - one.since > self._limits.stretch:
            one.since, one.used = now, used

    def _kill(self, pid: int, one: _Watched, why: str) -> None:
        self.kills, self.why = self.kills + 1, why
        _log.warning("renderer_killed" if one.renderer else "browser_killed", pid=pid, reason=why, bytes=one.memory)
        with suppress(ProcessLookupError):
            if one.renderer:
                os.kill(pid, signal.SIGKILL)
            else:
                self.browser_killed = True
                # Whichever it is, the browser does not live without it; whose memory it was can't be told.
                os.killpg(self._group, signal.SIGKILL)
        one.memory = 0


def _pids() -> Iterator[int]:
    if _PROC.is_dir():
        yield from (int(entry.name) for entry in os.scandir(_PROC) if entry.name.isdigit())


def memory(pid: int) -> int:
    """Return how many bytes of a process are in memory. Raises ``OSError`` when it has ended."""
    return _stat(pid)[2]


def _stat(pid: int) -> tuple[int, float, int]:
    """Return a process's group, the seconds of processor time it used, and its bytes in memory."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        fields = os.read(file, 1024).rpartition(b")")[2].split()
    finally:
        os.close(file)
    return int(fields[2]), (int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE


def _slow(pid: int) -> None:
    """Let every thread of a process step back behind all others; threads that it starts later inherit it."""
    with suppress(OSError):  # it ended meanwhile
        for thread in os.scandir(_PROC / str(pid) / "task"):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), _LOWEST)
