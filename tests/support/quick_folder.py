"""Folders for what the tests' own processes write, in memory where the machine has it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.own_folder import MEMORY, own_folder

ROOM = 4 * 1024**3
"""Bytes that must be free in memory: each worker's Postgres takes less than 500 MB, its commands' less than that."""


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Make a folder that other users may enter: run by root, Postgres is another user. It is gone with its process.

    A database of a test's own is some 450 files. To make them on a disk takes four times the processor's time that it
    takes in memory, and no test asks whether a disk holds what is written. The path is short, for the sockets below it:
    one of pytest's own is longer than a Unix socket's may be, and every session of pytest closes it to other users.
    """
    parent = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM else Path("/tmp")
    with own_folder(parent, prefix="tl-test-") as folder:
        folder.chmod(0o755)
        yield folder
