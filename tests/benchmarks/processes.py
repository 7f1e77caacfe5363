"""Runs a program and samples the memory and the processor time of its whole process tree."""

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Of /proc's processor times, a second."""
OTHERS_MOST = 0.1
"""The part of the machine's processors that others may use before a bench warns."""
SAMPLE_EVERY = 0.5
"""Seconds. Reading one process's PSS costs about a millisecond, so this stays far below 5 % of a core."""
_SET_CHILD_SUBREAPER = 36
"""Linux' prctl: what loses its parent becomes our child."""
_ENDS_WITHIN = 5.0
"""Seconds that a process may still be ending after its parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended. ``seconds`` is wall time; ``peak`` and ``peak_postgres`` are MiB of PSS.

    ``peak_private`` is MiB that no other process shares, ``processes`` the most of them at once.

    ``cpu`` is the processor's seconds of it, of all that it started and of its Postgres; ``others`` the part of the
    machine's processors that neither it nor this process used meanwhile. Of programs that ran side by side both are of
    all of them together.
    """

    output: str
    errors: str
    status: int
    seconds: float
    peak: float
    peak_postgres: float
    peak_private: float
    processes: int
    cpu: float
    others: float


@dataclass(slots=True)
class _Peak:
    total: float = 0.0
    private: float = 0.0
    processes: int = 0
    postgres: float = 0.0
    postgres_cpu: dict[int, float] = field(default_factory=dict)


def _parents() -> dict[int, tuple[int, str]]:
    """Return every process's parent and name."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # it ended meanwhile
        name, _, rest = text.partition("(")[2].rpartition(")")
        found[int(stat.parent.name)] = (int(rest.split()[1]), name)
    return found


def tree(root: int, *, mark: str | None = None) -> dict[int, str]:
    """Return process ids and names of ``root``, of every process whose command line holds ``mark``, and their children.

    An embedded Postgres is a daemon, no child of the command that started it: its data directory is the mark.
    """
    parents = _parents()
    inside = {root} | {pid for pid in parents if mark is not None and mark in _command_line(pid)}
    grown = True
    while grown:
        more = {pid for pid, (parent, _name) in parents.items() if parent in inside and pid not in inside}
        inside |= more
        grown = bool(more)
    return {pid: parents[pid][1] for pid in inside if pid in parents}


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""  # it ended meanwhile


def memory(pid: int) -> tuple[float, float]:
    """Return MiB of a process: its proportional set size, and what of it no other process shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0, 0.0  # it ended meanwhile, or is not ours to read
    fields = [(line.split()[0], int(line.split()[1]) / 1024) for line in lines[1:]]
    return sum(size for name, size in fields if name == "Pss:"), sum(
        size for name, size in fields if name in {"Private_Clean:", "Private_Dirty:"}
    )


def pss(pid: int) -> float:
    """Return a process's proportional set size in MiB: what it shares is divided among those who share it."""
    return memory(pid)[0]


def cpu(pid: int) -> float:
    """Return the processor's seconds of a process and of the children that it waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it ended meanwhile
    return sum(int(one) for one in fields[11:15]) / TICKS


def adopt() -> frozenset[int]:
    """Have whatever loses its parent become our child until ``collect``, and return the children that we have.

    A browser that is killed leaves renderers that nobody waits for: two thirds of a page's processor time.
    """
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return _children()


def collect(known: frozenset[int]) -> frozenset[int]:
    """Collect every child that has ended and is none of ``known``, so that its processor time is our children's.

    Waits for those that still end; a Postgres that lives on is left. Return whom it collected.
    """
    collected: set[int] = set()
    until = time.monotonic() + _ENDS_WITHIN
    while left := _children() - known - collected:
        for pid in left:
            if os.waitpid(pid, os.WNOHANG)[0]:
                collected.add(pid)
        if time.monotonic() > until or all(_parents().get(pid, (0, ""))[1].startswith("postgres") for pid in left):
            break
        time.sleep(0.01)
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    return frozenset(collected)


def _children() -> frozenset[int]:
    return frozenset(pid for pid, (parent, _name) in _parents().items() if parent == os.getpid())


def children_cpu() -> float:
    """Return the processor's seconds of all our children that have ended, and of theirs."""
    return _own(resource.RUSAGE_CHILDREN)


def busy() -> float:
    """Return the seconds that all processors of the machine have been at work."""
    fields = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def _own(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _sample(root: int, mark: str | None, peak: _Peak, over: threading.Event) -> None:
    while not over.is_set():
        found = tree(root, mark=mark)
        sizes = [(name, *memory(pid)) for pid, name in found.items()]
        peak.total = max(peak.total, sum(size for _name, size, _private in sizes))
        peak.private = max(peak.private, sum(private for _name, _size, private in sizes))
        peak.processes = max(peak.processes, len(sizes))
        peak.postgres = max(peak.postgres, sum(size for name, size, _private in sizes if name.startswith("postgres")))
        # A daemon that nobody of ours waits for: what it took is what it had taken when it was last seen
        peak.postgres_cpu |= {pid: cpu(pid) for pid, name in found.items() if name.startswith("postgres")}
        over.wait(SAMPLE_EVERY)


def run_all(
    commands: Sequence[Sequence[str]],
    inputs: Sequence[str],
    *,
    env: Mapping[str, str],
    mark: str | None = None,
    timeout: float = 300,
) -> list[Finished]:
    """Run ``commands`` side by side; the peak of each is of all of them together. ``timeout`` in seconds.

    Raises ``subprocess.TimeoutExpired`` after killing what still runs.
    """
    peaks = [_Peak() for _ in commands]
    over = threading.Event()
    known = adopt()
    before = (busy(), children_cpu(), _own(resource.RUSAGE_SELF))
    started = time.monotonic()
    running = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(env)
        )
        for command in commands
    ]
    samplers = [
        threading.Thread(target=_sample, args=(process.pid, mark, peak, over), daemon=True)
        for process, peak in zip(running, peaks, strict=True)
    ]
    ends = [0.0] * len(running)
    outputs = [("", "")] * len(running)

    def wait(index: int) -> None:
        outputs[index] = running[index].communicate(inputs[index], timeout=timeout)
        ends[index] = time.monotonic() - started

    waiters = [threading.Thread(target=wait, args=(index,)) for index in range(len(running))]
    for thread in [*samplers, *waiters]:
        thread.start()
    for waiter in waiters:
        waiter.join()
    over.set()
    stuck = [process for process in running if process.poll() is None]
    for process in stuck:
        process.kill()
    if stuck:
        raise subprocess.TimeoutExpired(stuck[0].args, timeout)
    total, postgres = sum(peak.total for peak in peaks), max(peak.postgres for peak in peaks)
    private, processes = sum(peak.private for peak in peaks), sum(peak.processes for peak in peaks)
    took = time.monotonic() - started
    collected = collect(known)
    lives = [sum(used for pid, used in peak.postgres_cpu.items() if pid not in collected) for peak in peaks]
    used = children_cpu() - before[1] + max(lives)
    rest = busy() - before[0] - used - (_own(resource.RUSAGE_SELF) - before[2])
    others = max(0.0, rest / took / (os.cpu_count() or 1))
    return [
        Finished(
            output=out,
            errors=err,
            status=process.returncode,
            seconds=end,
            peak=total,
            peak_postgres=postgres,
            peak_private=private,
            processes=processes,
            cpu=used,
            others=others,
        )
        for process, (out, err), end in zip(running, outputs, ends, strict=True)
    ]
