"""Processes that outlive the command that started them: identified as the runtime does it, ended with their group."""

import os
import signal
from contextlib import suppress
from typing import Any, Self

import psutil
from pydantic import BaseModel, model_validator

from trapline_machine.process_identity import is_dead, process_name_of

ENDING = 10.0
"""Seconds a process gets to end in order; Postgres needs about one, MiniStack waits for functions that still run."""


class StartedProcess(BaseModel, frozen=True):
    """The leader of a process group that was started here."""

    pid: int
    """Its id, which the system may give to another process after its end."""
    identity: str | None
    """Machine, boot, id and time of start, by which the process itself is known; ``None`` once it has ended."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return what identifies the process ``pid``, which must run. Raises ``psutil.NoSuchProcess``."""
        return cls(pid=pid, identity=process_name_of(pid))

    @model_validator(mode="before")
    @classmethod
    def _of_release_0_1_0(cls, value: Any) -> Any:
        """Take a state file that holds the time of start in seconds since 1970 instead of an identity."""
        if not isinstance(value, dict) or "created" not in value:
            return value
        pid, created = int(value["pid"]), float(value["created"])
        with suppress(psutil.NoSuchProcess):
            if abs(psutil.Process(pid).create_time() - created) < 1:
                return {"pid": pid, "identity": process_name_of(pid)}
        return {"pid": pid, "identity": None}

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
