"""Processes that outlive the command that started them: identified as the runtime does it, ended with their group."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import psutil

from trapline_machine.process_identity import is_dead, place_of

ENDING = 10.0
"""Seconds a process gets to end in order; Postgres needs about one, MiniStack waits for functions that still run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedProcess:
    """The leader of a process group that was started here."""

    pid: int
    """Its id, which the system may give to another process after its end."""
    identity: str | None
    """Machine, boot, id and time of start, by which the process itself is known; ``None`` once it has ended."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return what identifies the process ``pid``, which must run. Raises ``psutil.NoSuchProcess``."""
        return cls(pid=pid, identity=place_of(pid))

    @classmethod
    def read(cls, value: dict[str, Any]) -> Self:
        """Return the process that ``value``, its fields as JSON, names."""
        pid = int(value["pid"])
        if "created" not in value:
            return cls(pid=pid, identity=value["identity"])
        # A state file of release 0.1.0 holds the time of start in seconds since 1970 instead
        with suppress(psutil.NoSuchProcess):
            if abs(psutil.Process(pid).create_time() - float(value["created"])) < 1:
                return cls.of(pid)
        return cls(pid=pid, identity=None)

    def is_running(self) -> bool:
        """Return whether the process that was started here still runs."""
        return self.identity is not None and not is_dead(self.identity)

    def end(self, *, patience: float = ENDING) -> None:
        """Ask it to end; after ``patience`` seconds kill it. Then kill what is left of its group and below it."""
        try:
            process = psutil.Process(self.pid)
            below = process.children(recursive=True)
        except psutil.NoSuchProcess:
            return
        if not self.is_running():
            return
        with suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
            process.terminate()
        psutil.wait_procs([process], timeout=patience)
        left = [one for one in [process, *below] if one.is_running()]
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(left, timeout=5)
        with suppress(ProcessLookupError):  # nothing of the group is left, as it should be
            os.killpg(self.pid, signal.SIGKILL)
