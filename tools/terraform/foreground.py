"""Runs Terraform where it locks the state, and shows its output. Ctrl-C reaches it once; it gets time to end in order.

Killed in the middle it would leave its state behind what it made, and the state's lock in place. So it writes to a file
that is shown here, and not to a terminal or a pipe: it goes on to its end when these are gone.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

LIMIT = 7200.0
"""Seconds; the slowest step, a database in two zones, takes half an hour, and Terraform's own limits are lower."""
_LOOK = 0.1
"""Seconds between two looks at what it has written."""
_ENDING = 120.0
"""Seconds that it gets to end in order after SIGINT."""


def run_in_foreground(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    log: Path,
    limit: float = LIMIT,
    keep_open: Sequence[int] = (),
    seen: Callable[[str], None] = lambda _: None,
    quiet: bool = False,
) -> int:
    """Run ``command`` in ``folder`` and return its exit status; 124 when it took longer than ``limit`` seconds.

    ``log``: the file that it writes to, made anew. ``keep_open``: descriptors that it inherits, such as a lock that it
    goes on to hold when this process is killed. SIGINT and SIGTERM are handed on as SIGINT. When it has ended,
    ``KeyboardInterrupt`` is raised. ``seen``: told of what it wrote, once that is shown. ``quiet``: only the file gets
    what it writes.
    """
    received: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for process in started:
            process.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # In a session of its own, so that the terminal's Ctrl-C comes through here, and once
        with (
            log.open("wb") as written,
            log.open("rb") as read,
            subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                pass_fds=keep_open,
            ) as process,
        ):
            started.append(process)
            if received:  # before the process was there to get it
                process.send_signal(signal.SIGINT)
            status = _wait(process, limit, _show(read, seen, quiet=quiet))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt
    return status


def _show(read: BinaryIO, seen: Callable[[str], None], *, quiet: bool) -> Callable[[], None]:
    """Return what shows all that was written since the last call."""

    def show() -> None:
        if new := read.read().decode(errors="replace"):
            if not quiet:
                sys.stdout.write(new)
                sys.stdout.flush()
            seen(new)

    return show


def _wait(process: "subprocess.Popen[bytes]", limit: float, show: Callable[[], None]) -> int:
    """Wait for the end while what is written is shown; a program that takes too long is asked to end, then killed."""
    status = _watch(process, limit, show)
    if status is not None:
        return status
    process.send_signal(signal.SIGINT)
    if _watch(process, _ENDING, show) is None:
        process.kill()
    return 124


def _watch(process: "subprocess.Popen[bytes]", seconds: float, show: Callable[[], None]) -> int | None:
    """Show what comes for so long; return the program's status, ``None`` while it runs."""
    give_up = time.monotonic() + seconds
    while True:
        status = process.poll()
        show()  # after the status: what it wrote last is shown, too
        if status is not None or time.monotonic() > give_up:
            return status
        time.sleep(_LOOK)
