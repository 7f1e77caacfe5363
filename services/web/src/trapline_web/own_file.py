"""Files of the data directory that their owner alone may read."""

import os
from pathlib import Path

_OWN_ONLY = 0o600


def write_own(path: Path, text: str) -> None:
    """Write a file as a whole, readable by its owner alone. Raises ``OSError`` where the folder can't be written.

    In another user's folder a file of root's becomes that user's, who could not read it otherwise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN_ONLY)
    with os.fdopen(number, "w") as file:
        folder = path.parent.stat()
        if os.geteuid() == 0:
            os.fchown(number, folder.st_uid, folder.st_gid)
        file.write(text)
    beside.replace(path)
