"""Artifacts in a directory, for one machine."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trapline_common.domain.artifact_key import is_key, key_of
from trapline_common.domain.errors import TransientError


class DirectoryArtifacts:
    """Keeps the ``ArtifactStore`` port: one file per content, in 256 folders, so that none grows too long.

    A file appears under its key whole or not at all: it is written beside its path and renamed, which is safe with any
    number of writers. What is put again is not written again; its time of change becomes the time of the put, by which
    ``remove`` sees that somebody may be about to name it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, data: bytes, *, suffix: str) -> str:
        """Store ``data`` and return its key. Raises ``TransientError`` when the directory can't be written."""
        return await asyncio.to_thread(self._put, data, suffix)

    async def get(self, key: str) -> bytes:
        """Return what is stored under ``key``. Raises ``KeyError`` when nothing is, or it is no key of ours."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError as error:
            raise KeyError(key) from error

    def location(self, key: str) -> str:
        """Return the file's absolute path. Raises ``KeyError`` when it is no key of ours."""
        return str(self._path(key).resolve())

    @contextmanager
    def nobody_puts(self) -> Iterator[None]:
        """Let no process of this machine put anything while the block lasts: it decides what is deleted."""
        self._root.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_EX):
            yield

    def remove(self, key: str, *, put_before: float | None) -> bool:
        """Delete a file that was put last before ``put_before``, in seconds of the epoch (``None``: whenever).

        Return whether there is none under that key any more. Called inside ``nobody_puts``.
        """
        path = self._path(key)
        try:
            if put_before is not None and path.stat().st_mtime >= put_before:
                return False
            path.unlink()
        except FileNotFoundError:
            return True
        return True

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        beside = self._root.with_name(f"{self._root.name}.lock")
        number = os.open(beside, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(number, how)
            yield
        finally:
            os.close(number)

    def _path(self, key: str) -> Path:
        if not is_key(key):
            raise KeyError(key)
        return self._root / key

    def _put(self, data: bytes, suffix: str) -> str:
        key = key_of(data, suffix)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked(fcntl.LOCK_SH):
                try:
                    os.utime(path)
                except FileNotFoundError:
                    _write(path, data)
        except OSError as error:
            raise TransientError(f"the artifact can't be written: {error}") from error
        return key


def _write(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
