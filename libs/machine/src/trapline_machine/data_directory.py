"""The data directory: whether this user can work in it, and the locks by which commands of one machine take turns."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from trapline.render.artifact_location import ARTIFACTS
from trapline.render.output import OutputError
from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError

_ADVICE = "name a folder that you may write, with --data-dir"
_WRITTEN = ("logs", "processes", ARTIFACTS)
"""Folders in it that every command writes into, once they are there."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CONTROL = 0x20
"""The first character that is no control character; such a path can't be written down in Postgres's own files."""


def prepare(data_dir: Path) -> None:
    """Make the folder unless it is there.

    Raises ``InputRefusedError``, one line with the cause, where this user can't work in it, and
    ``LedgerUnavailableError`` where the disk is full.
    """
    if any(ord(letter) < _CONTROL for letter in str(data_dir)):
        raise InputRefusedError(f"--data-dir: {str(data_dir)!a} holds a control character; choose another name")
    with refusals(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (data_dir, *(data_dir / name for name in _WRITTEN)):
            if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
                number = errno.EROFS if read_only else errno.EACCES
                raise OSError(number, os.strerror(number), str(folder))


def give_back(data_dir: Path) -> None:
    """Make what root wrote into another user's folder that user's, who could not write there from then on.

    Postgres' own files are of its user already. Nothing is followed, and a file with a second name stays root's: its
    other name may be anywhere.
    """
    owner = data_dir.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for folder, folders, files, number in os.fwalk(data_dir):
        if Path(folder) == data_dir:
            folders[:] = [name for name in folders if not name.startswith("postgres")]
        for name in (*folders, *files):
            with suppress(FileNotFoundError):  # another command has deleted it
                found = os.stat(name, dir_fd=number, follow_symlinks=False)
                if found.st_uid == 0 and (found.st_nlink == 1 or stat.S_ISDIR(found.st_mode)):
                    os.chown(name, owner.st_uid, owner.st_gid, dir_fd=number, follow_symlinks=False)


@contextmanager
def refusals(data_dir: Path) -> Iterator[None]:
    """Say in one line what an ``OSError`` below the data directory means, and what to do about it."""
    try:
        yield
    except (BrokenPipeError, OutputError):
        raise  # it is of what is printed
    except OSError as error:
        where, cause = error.filename or data_dir, error.strerror or str(error)
        if error.errno in _FULL:
            raise LedgerUnavailableError(f"{where}: {cause}; make room and run the command again") from error
        raise InputRefusedError(f"--data-dir: {where} can't be used: {cause}; {_ADVICE}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLock:
    """A lock on a file, which the kernel lets go when the process ends, however it ends."""

    number: int
    """The open file."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, and make it if it is missing. Raises ``OSError``.

        For reading: so another user than the one who made it can take the lock too.
        """
        return cls(number=os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))

    def share(self) -> None:
        """Hold it together with others; wait for one who has it alone."""
        fcntl.flock(self.number, fcntl.LOCK_SH)

    def take(self) -> bool:
        """Turn a shared lock into one of this process alone; ``False`` when others share it."""
        try:
            fcntl.flock(self.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold it alone while the block lasts; wait for whoever has it."""
        fcntl.flock(self.number, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self.number, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go."""
        os.close(self.number)
