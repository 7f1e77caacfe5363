"""Processes that outlive the command that started them: known by id and time of start, ended with their group."""

import os
import signal
from dataclasses import dataclass
from typing import Any, Self

import psutil

ENDING = 10.0
"""Seconds a process gets to end in order; Postgres needs about one, MiniStack waits for functions that still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process group that was started here. ``created``: seconds since 1970, so that a reused id is not mistaken."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return what identifies the process ``pid``, which must run. Raises ``psutil.NoSuchProcess``."""
        return cls(pid=pid, created=psutil.Process(pid).create_time())

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        return cls(pid=int(value["pid"]), created=float(value["created"]))

    def process(self) -> psutil.Process | None:
        """Return the process if it is still the one that was started."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < 1 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if same else None

    def end(self, *, patience: float = ENDING) -> None:
        """Ask it to end; after ``patience`` seconds kill it. Then kill what is left of its group and below it."""
        found = self.process()
        if found is None:
            return
        below = found.children(recursive=True)
        found.terminate()
        psutil.wait_procs([found], timeout=patience)
        left = [process for process in [found, *below] if process.is_running()]
        for process in left:
            _kill(process)
        psutil.wait_procs(left, timeout=5)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # as it should be: nothing of the group is left
            return


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
