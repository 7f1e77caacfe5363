"""One command at a time on an environment, also where what it started outlives it.

A killed `make` leaves Terraform at work, which goes on to the end of its apply. It inherits the lock that is held here,
so the next command waits for it, and finds a state that is complete.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.shell import say


@contextmanager
def alone(folder: Path, *, name: str) -> Iterator[int]:
    """Wait for another command on environment ``name`` of this clone; yield the descriptor that holds the lock."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: waiting for another command on it, or for the Terraform of one that was killed")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)
