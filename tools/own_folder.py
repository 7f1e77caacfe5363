"""A folder that is there while its process works: what a killed one left behind, the next one deletes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory. A container may have little of it, and other systems have none."""


@contextmanager
def own_folder(parent: Path, *, prefix: str) -> Iterator[Path]:
    """Make a folder that is there while the block lasts, and delete those of this user whose process was killed."""
    for left in parent.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # a process beside this one deleted it first
            if left.stat().st_uid == os.getuid() and not _is_held(left):
                shutil.rmtree(left)
    made = tempfile.TemporaryDirectory(prefix=prefix, dir=parent)
    held = os.open(made.name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with made as folder:
            fcntl.flock(held, fcntl.LOCK_EX)  # the system lets go of it when this process ends, however it ends
            yield Path(folder)
    finally:
        os.close(held)


def _is_held(folder: Path) -> bool:
    """Say whether the process that made ``folder`` lives; an empty one was made just now and is not locked yet."""
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return not any(folder.iterdir())
