"""Kills a browser with everything it started; as a program, does so when the crawler has died, however it died.

The program reads commands from its standard input, a pipe whose only writer is the crawler: ``group N`` and
``process N`` name what to kill, ``remove PATH`` what to delete. ``done`` ends it with nothing killed; the end of the
input without ``done`` means that the crawler is gone. A shell does the waiting, which takes a twentieth of Python's
memory and starts at once; it becomes this module when there is something to kill.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.01
_AT_MOST = 5.0
# Ctrl-C goes to every process of the terminal: the crawler decides what it means, not its guardian. A command that the
# crawler's death cut short ends in no line feed, so ``read`` fails and it is not obeyed.
_WAIT = """
trap '' HUP INT TERM
while IFS= read -r command; do
    [ "$command" = done ] && exit
    set -- "$@" "$command"
done
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One row of the process table."""

    pid: int
    """Process id."""
    parent: int
    """Process id of the parent."""
    group: int
    """Process group."""
    zombie: bool
    """Whether it is dead, but not yet collected by its parent."""
    command: str
    """The command line, one argument a line."""


def processes() -> Iterator[Process]:
    """Read the process table: from /proc where there is one, from ``ps`` elsewhere."""
    if not Path("/proc/self/stat").exists():
        yield from _from_ps()
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # the process ended meanwhile
                yield _from_proc(int(entry.name))


def _from_proc(pid: int) -> Process:
    state, parent, group = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split(None, 3)[:3]
    command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b"\n").decode(errors="replace")
    return Process(pid=pid, parent=int(parent), group=int(group), zombie=state in b"ZX", command=command)


def _read(path: str) -> bytes:
    """Return a file of /proc: a start and an end of the browser read some thousand, so without a ``Path`` for each."""
    file = os.open(path, os.O_RDONLY)
    try:
        found = b""
        while part := os.read(file, 1 << 16):
            found += part
        return found
    finally:
        os.close(file)


def _from_ps() -> Iterator[Process]:
    rows = subprocess.run(
        ["/bin/ps", "-axww", "-o", "pid=,ppid=,pgid=,stat=,command="], capture_output=True, text=True, check=True
    )
    for row in rows.stdout.splitlines():
        pid, parent, group, state, command = row.split(None, 4)
        lines = command.replace(" --", "\n--")
        yield Process(pid=int(pid), parent=int(parent), group=int(group), zombie=state[0] == "Z", command=lines)


def kill(groups: Iterable[int], pids: Iterable[int] = (), *, at_most: float = _AT_MOST) -> bool:
    """SIGKILL whole process groups and single processes; return whether none was left after ``at_most`` seconds.

    Single processes go first: the driver must not start a browser that is on no list.
    """
    wanted_groups, wanted_pids = set(groups), set(pids)
    until = time.monotonic() + at_most
    while True:
        left = [p for p in processes() if not p.zombie and (p.group in wanted_groups or p.pid in wanted_pids)]
        if not left:
            return True
        if time.monotonic() > until:
            return False
        for pid in wanted_pids & {process.pid for process in left}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for group in wanted_groups & {process.group for process in left}:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(_POLL)


def remove(paths: Iterable[str]) -> None:
    """Delete folders and all that is in them; what is already gone, or can't be deleted, is left."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def program() -> list[str]:
    """Return the command line of the program; see the module's docstring."""
    return ["/bin/sh", "-c", _WAIT, "guardian", sys.executable, "-I", __file__]


def main(commands: Iterable[str]) -> int:
    """Do what the commands say; return 1 if a process was left."""
    numbers: dict[str, set[int]] = {"group": set(), "process": set()}
    paths: set[str] = set()
    for command in commands:
        word, _, value = command.partition(" ")
        if word == "remove":
            paths.add(value)
        else:
            numbers[word].add(int(value))
    gone = kill(numbers["group"], numbers["process"])
    remove(paths)
    return 0 if gone else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
