"""The logs of one machine: a file per crawler process, and one for the command's own dispatcher and notifier."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trapline_common.platform.logging import configure

OWN = "trapline.log"
MAX_BYTES = 5 * 1024 * 1024
"""The command's own log is put aside, once, when it is larger."""
KEPT = 200
"""Logs of crawler processes kept, the newest."""


@contextmanager
def own_log(folder: Path) -> Iterator[Path]:
    """Send this process's logs to ``folder/trapline.log`` while the block lasts, and yield its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / OWN
    _put_aside(path)
    prune(folder)
    with _LogFile(path) as log:
        configure(service="trapline", stream=log, console=False)
        try:
            yield path
        finally:
            configure(service="trapline")


class _LogFile(io.TextIOWrapper):
    """A log that never fails its writer: on a full disk its lines are lost, and standard error says so once."""

    def __init__(self, path: Path) -> None:
        super().__init__(_Growing(path), encoding="utf-8", errors="backslashreplace", write_through=True)
        self._told = False

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            if not self._told:
                self._told = True
                print(f"the log can't be written: {error.strerror}", file=sys.stderr)
        return len(text)


class _Growing(io.RawIOBase):
    """A file that is put aside when it has grown too large, also under a command that runs for months."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()

    @property
    def name(self) -> str:
        """The path, as a file's name."""
        return str(self._path)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        """Write the bytes, unbuffered."""
        if self._size > MAX_BYTES:
            _put_aside(self._path)
            full, self._file = self._file, self._path.open("ab", buffering=0)
            full.close()
            self._size = self._file.tell()
        written = self._file.write(data) or 0
        self._size += written
        return written

    def close(self) -> None:
        self._file.close()
        super().close()


def _put_aside(path: Path) -> None:
    if path.exists() and path.stat().st_size > MAX_BYTES:
        path.replace(path.with_suffix(".log.1"))


def prune(folder: Path) -> None:
    """Delete the oldest logs of crawler processes, so that ``KEPT`` are left."""
    dated = []
    for log in folder.glob("????????-*.log"):
        with suppress(FileNotFoundError):  # another command prunes too
            dated.append((log.stat().st_mtime, log))
    for _, log in sorted(dated)[:-KEPT]:
        log.unlink(missing_ok=True)
