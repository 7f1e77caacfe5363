"""What the storm's crawlers have open at this moment: each writes it into a small file, and the sampler reads them all.

The ledger knows rows. Whether a process can run, and how many pages it has open, only its own file and the kernel say.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import psutil

_LAYOUT = struct.Struct("<ii")
"""Visits that were opened in all, and those that are open."""


class Presence:
    """One crawler process's file: there from its ``ready`` until it has closed its browser.

    A durable one's is there with each slice's browser. Between its ``ready`` and a slice the process can open nothing:
    it asks the ledger before, however long it was kept waiting, and ends when its row is given away.
    """

    def __init__(self, folder: Path, lane: str) -> None:
        folder.mkdir(exist_ok=True)
        self._path = folder / f"{lane}.{os.getpid()}"
        self._descriptor: int | None = None
        self._opened = self._open = 0

    def begin(self) -> None:
        """The process may open visits from now on, unless that is noted already."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            self._write()

    def visit_begins(self) -> None:
        """Note a visit before it opens anything."""
        self._opened += 1
        self._open += 1
        self._write()

    def visit_ends(self) -> None:
        """Note that it has closed what it opened."""
        self._open -= 1
        self._write()

    def end(self) -> None:
        """The process opens no visit any more, until it begins anew."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        if self._descriptor is not None:
            os.pwrite(self._descriptor, _LAYOUT.pack(self._opened, self._open), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One crawler process at one moment."""

    lane: str
    """Its lane."""
    pid: int
    """Its process id."""
    stopped: bool
    """Whether it is under SIGSTOP."""
    opened: int
    """Visits it has opened in all."""
    open: int
    """Visits it has open."""


def look(folder: Path) -> dict[int, Seen]:
    """Return every crawler process that is ready, has not closed its browser and is not dead, by its id."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        lane, _, pid = path.name.rpartition(".")
        try:
            opened, visits = _LAYOUT.unpack(path.read_bytes())
            status = psutil.Process(int(pid)).status()
        except (FileNotFoundError, struct.error, psutil.NoSuchProcess):
            continue  # it ended, or is about to begin
        if status not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            stopped = status == psutil.STATUS_STOPPED
            found[int(pid)] = Seen(lane=lane, pid=int(pid), stopped=stopped, opened=opened, open=visits)
    return found
