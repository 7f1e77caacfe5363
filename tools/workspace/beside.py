"""Runs checks beside others: one after the other in a thread, each with its output in a log of its own."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.shell import ROOT, Run, say

ENDING = 90.0
"""Seconds that an interrupted suite gets to take down what it started; the local AWS needs most of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One program that must exit with 0."""

    name: str
    """How the closing lines call it."""
    command: tuple[str, ...]
    """The program and its arguments; it runs in the workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a check ended."""

    name: str
    """The check's."""
    status: int
    """The program's exit status."""
    seconds: float
    """How long it ran, by the wall clock."""

    def line(self) -> str:
        """Return the closing line on it."""
        return f"{'ok    ' if self.status == 0 else 'FAILED'}  {self.name:<14} {self.seconds:6.1f} s"


def timed(check: Check, run_program: Run) -> Outcome:
    """Run ``check`` to its end."""
    started = time.monotonic()
    status = run_program(check.command)
    return Outcome(name=check.name, status=status, seconds=time.monotonic() - started)


class Beside:
    """Checks that run while the ``with`` block does; an exception that leaves the block ends them.

    They are in a session of their own, so that a Ctrl-C reaches them once, from here.
    """

    def __init__(self, checks: Sequence[Check], *, logs: Path) -> None:
        self._checks = checks
        self._logs = logs
        self._outcomes: list[Outcome] = []
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for check in self._checks:
            self.log(check.name).unlink(missing_ok=True)
            say(f"beside: {check.name}, in {os.path.relpath(self.log(check.name), ROOT)}")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop()
        self._thread.join()

    def outcomes(self) -> list[Outcome]:
        """Wait until each has ended; return how, in their order."""
        self._thread.join()
        return self._outcomes

    def log(self, name: str) -> Path:
        """Return where the output of the check ``name`` goes."""
        return self._logs / f"{name.lower().replace(' ', '-')}.log"

    def _run(self) -> None:
        for check in self._checks:
            self._outcomes.append(timed(check, partial(self._run_logged, name=check.name)))

    def _run_logged(self, command: Sequence[str], *, name: str) -> int:
        with self.log(name).open("wb") as log:
            with self._lock:
                if self._stopped:
                    return 128 + signal.SIGINT
                self._running = subprocess.Popen(
                    list(command),
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            return self._running.wait()

    def _stop(self) -> None:
        """Interrupt what runs, once, and wait for it; kill it with its children where it does not end."""
        with self._lock:
            self._stopped = True
            running = self._running
        if running is None or running.poll() is not None:
            return
        running.send_signal(signal.SIGINT)
        try:
            running.wait(ENDING)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
