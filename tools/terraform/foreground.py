"""Runs Terraform with its output shown. Ctrl-C reaches it once, and it gets the time to end in order.

Killed in the middle it would leave its state behind what it made, and the state's lock in place.
"""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

LIMIT = 7200.0
"""Seconds; the slowest step, a database in two zones, takes half an hour, and Terraform's own limits are lower."""
_ENDING = 120.0
"""Seconds that it gets to end in order after SIGINT."""


def run_in_foreground(command: Sequence[str], *, environ: Mapping[str, str], folder: Path, limit: float = LIMIT) -> int:
    """Run ``command`` in ``folder`` and return its exit status; 124 when it took longer than ``limit`` seconds.

    SIGINT and SIGTERM are handed on as SIGINT. When it has ended, ``KeyboardInterrupt`` is raised.
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
        with subprocess.Popen(
            list(command), cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, start_new_session=True
        ) as process:
            started.append(process)
            if received:  # before the process was there to get it
                process.send_signal(signal.SIGINT)
            status = _wait(process, limit)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise KeyboardInterrupt
    return status


def _wait(process: "subprocess.Popen[bytes]", limit: float) -> int:
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
    return 124
