"""Runs a program and samples the memory of its whole process tree."""

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_EVERY = 0.5
"""Seconds. Reading one process's PSS costs about a millisecond, so this stays far below 5 % of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended. ``seconds`` is wall time; ``peak`` and ``peak_postgres`` are MiB of PSS."""

    output: str
    errors: str
    status: int
    seconds: float
    peak: float
    peak_postgres: float


@dataclass(slots=True)
class _Peak:
    total: float = 0.0
    postgres: float = 0.0


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


def pss(pid: int) -> float:
    """Return a process's proportional set size in MiB: what it shares is divided among those who share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0  # it ended meanwhile, or is not ours to read
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _sample(root: int, mark: str | None, peak: _Peak, over: threading.Event) -> None:
    while not over.is_set():
        sizes = [(name, pss(pid)) for pid, name in tree(root, mark=mark).items()]
        peak.total = max(peak.total, sum(size for _name, size in sizes))
        peak.postgres = max(peak.postgres, sum(size for name, size in sizes if name.startswith("postgres")))
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
    return [
        Finished(output=out, errors=err, status=process.returncode, seconds=end, peak=total, peak_postgres=postgres)
        for process, (out, err), end in zip(running, outputs, ends, strict=True)
    ]
