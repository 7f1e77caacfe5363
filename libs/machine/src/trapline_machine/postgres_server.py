"""One server of the embedded Postgres: whether it runs, its start, its stop.

No process is sent a signal before its id, its start time and its data folder were found to be those of our server:
after a power cut an old pid file names whatever process has the id now.
"""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_machine.data_directory import refusals
from trapline_machine.postgres_programs import ServerUser, cause

PID_FILE = "postmaster.pid"
PORT = 5432
"""Names the socket; nothing listens on the network."""
ROOM = 16 * 1024 * 1024
"""Bytes that must be free: one segment of the log that Postgres writes ahead."""
START_WITHIN = 300.0
"""Seconds. After a crash Postgres first repeats what its log holds."""
STOP_WITHIN = 60.0
"""Seconds for an orderly stop; then it is cut off, and recovers at its next start."""
LET_GO_WITHIN = 90.0
"""Seconds for processes of a server that was killed. A server whose pid file is spoilt ends by itself within 60."""
_POLL = 0.02
_SAME_START = 2.0
"""Seconds between a process's start and the start time that it wrote into its pid file."""
_LONGEST_SOCKET = 90
"""Bytes of the socket's folder; Linux takes 107 for the whole path, macOS 103."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
"""Letters of a socket's folder that neither Postgres' list of folders nor a DSN gives a meaning."""
_LINES = ("pid", "data", "started", "port", "sockets", "listen", "memory", "status")
"""The lines of Postgres' pid file (its miscadmin.h)."""
_IN_BACKGROUND = '"$@" >&2 </dev/null & echo "$!"'
"""For ``sh``: no path is in its text. The server becomes a child of init, for it may outlive this command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs."""

    process: psutil.Process
    """Its first process."""
    sockets: str
    """The folder of its socket."""
    port: int
    """The number in the socket's name."""
    ready: bool
    """Whether it takes connections."""
    certain: bool
    """Whether its start time is the one in the pid file too, so that it may be sent a signal."""

    @property
    def dsn(self) -> str:
        """Return where it is reached. PG* variables of the environment, meant for other servers, change nothing."""
        where = f"host={quote(self.sockets)}&port={self.port}"
        return f"postgresql://postgres:@/postgres?{where}&sslmode=disable&target_session_attrs=any"


def find(data: Path) -> Server | None:
    """Return the server of ``data`` that its pid file names, if that process lives and works on this folder."""
    try:
        text = (data / PID_FILE).read_text(errors="replace")
    except FileNotFoundError:
        return None
    file = dict(zip(_LINES, (line.strip() for line in text.split("\n")), strict=False))
    try:
        process = psutil.Process(int(file["pid"]))
        started, port = float(file["started"]), int(file["port"])
        if not _works_on(process, data):
            return None
        return Server(
            process=process,
            sockets=file["sockets"],
            port=port,
            ready=file.get("status") == "ready",
            certain=abs(process.create_time() - started) <= _SAME_START,
        )
    except (KeyError, ValueError, OverflowError, psutil.NoSuchProcess):
        return None  # half-written, or its process is gone


def start(data: Path, programs: Path, user: ServerUser) -> Server:
    """Start the server; it takes connections when this returns. The caller holds the lock of starts and stops.

    Raises ``LedgerUnavailableError`` with the cause, in one line.
    """
    with refusals(data):
        free = shutil.disk_usage(data).free
        if free < ROOM:
            raise LedgerUnavailableError(
                f"No space left on device: {free // 1024:,} KiB are free at {data}, and Postgres needs "
                f"{ROOM // 1024:,} KiB to start; make room and run the command again"
            )
        _clear(data)
        sockets = _socket_folder(data, user)
        for left in sockets.glob(".s.PGSQL.*"):
            left.unlink()  # no server is left, and a lock file may name whatever process has its id now
        log = data / "log"
        begins = log.stat().st_size if log.exists() else 0
        pid = _launch(data, sockets, log, programs, user)
    limit = time.monotonic() + START_WITHIN
    while time.monotonic() < limit:
        server = find(data)
        if server is not None and server.process.pid == pid and server.ready:
            return server
        if not _lives(pid):
            why = cause(log_since(log, begins))
            raise LedgerUnavailableError(f"embedded Postgres did not start ({why or 'it died'}); its log is {log}")
        time.sleep(_POLL)
    raise LedgerUnavailableError(f"embedded Postgres is still starting; its log is {log}")


def stop(data: Path) -> bool:
    """Stop the server of ``data`` if one runs; return whether none is left. Nothing that it took is lost."""
    server = find(data)
    if server is None:
        return True
    if not server.certain:
        return False
    for number, within in ((signal.SIGINT, STOP_WITHIN), (signal.SIGQUIT, LET_GO_WITHIN)):  # "fast", then "immediate"
        with suppress(psutil.NoSuchProcess):
            server.process.send_signal(number)  # psutil refuses an id that has gone to another process
        if _ended(server.process, within):
            _forget_sockets(Path(server.sockets), data)
            return True
    return False


def log_since(log: Path, begins: int) -> str:
    """Return what was written into a server's log behind its byte ``begins``, at most the last 64 KiB of it."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(begins, log.stat().st_size - 65_536))
        return file.read().decode(errors="replace")
    return ""


def _clear(data: Path) -> None:
    """Wait for what a killed server left behind, which may still write, and take a pid file away that misleads.

    Postgres believes of any process with that id that it is the server, also of a zombie that init does not take up.
    Where the process is gone the file stays: Postgres looks itself, by what stands in it, whether all is over.
    """
    file = data / PID_FILE
    limit = time.monotonic() + LET_GO_WITHIN
    while left := [process.pid for process in _processes_on(data)]:
        if time.monotonic() > limit:
            raise LedgerUnavailableError(
                f"processes of a Postgres that was killed still work on {data}: {', '.join(map(str, left))}; end them"
            )
        time.sleep(_POLL)
    if not file.exists():
        return
    pid = file.read_text(errors="replace").partition("\n")[0].strip()
    try:
        taken = psutil.pid_exists(int(pid))  # also by what is left of our own server where init does not take it up
    except (ValueError, OverflowError):
        taken = True  # half-written
    if taken:
        file.unlink()


def _processes_on(data: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if _works_on(process, data):
                yield process


def _works_on(process: psutil.Process, data: Path) -> bool:
    """Return whether a living process is Postgres on that folder, by its current folder or its command line."""
    try:
        if not str(process.name()).startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
        if "-D" in words[:-1] and _same(words[words.index("-D") + 1], data):
            return True
        return _same(str(process.cwd()), data)
    except psutil.AccessDenied:
        return False


def _same(path: str, data: Path) -> bool:
    with suppress(OSError):
        return bool(path) and Path(path).is_absolute() and Path(path).samefile(data)
    return False


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False


def _ended(process: psutil.Process, within: float) -> bool:
    limit = time.monotonic() + within
    while process.is_running() and _lives(process.pid):
        if time.monotonic() > limit:
            return False
        time.sleep(_POLL)
    return True


def _launch(data: Path, sockets: Path, log: Path, programs: Path, user: ServerUser) -> int:
    command = [str(programs / "postgres"), "-D", str(data), "-h", "", "-k", str(sockets), "-p", str(PORT)]
    number = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        user.own(log)
        begun = subprocess.run(
            ["/bin/sh", "-c", _IN_BACKGROUND, "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=number,
            start_new_session=True,  # Ctrl-C on the terminal is the command's alone
            check=True,
            **user.options(),
        )
    except subprocess.CalledProcessError as error:
        raise LedgerUnavailableError(f"embedded Postgres can't be started: {error}") from error
    finally:
        os.close(number)
    return int(begun.stdout)


def _socket_folder(data: Path, user: ServerUser) -> Path:
    """Return where the socket goes: the data folder, which is closed to others, where its name allows that.

    A name with a blank, a quote or a comma, or one that is too long for a socket, gets a folder of this user's own in
    the temporary folder. Whoever reaches the socket is the ledger's owner.
    """
    if _PLAIN.issuperset(str(data)) and len(os.fsencode(data)) <= _LONGEST_SOCKET:
        return data
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    root = next(
        folder
        for folder in (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108  (made below with rights of its own)
        if _PLAIN.issuperset(str(folder)) and len(str(folder)) <= _LONGEST_SOCKET - len(name)
    )
    owner = os.geteuid() if user.uid is None else user.uid
    folder = root / f"trapline-{owner}-{name}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        user.own(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        folder = Path(tempfile.mkdtemp(prefix="trapline-", dir=root))  # another user has taken the name
        user.own(folder)
    return folder


def _forget_sockets(sockets: Path, data: Path) -> None:
    """Remove the socket's own folder, if it had one."""
    if not _same(str(sockets), data) and sockets.name.startswith("trapline-"):
        with suppress(OSError):
            sockets.rmdir()  # a file in it is not ours: it stays
