"""The embedded Postgres: started on first need, stopped when the last process that uses it ends."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trapline_common.domain.errors import InputRefusedError, LedgerUnavailableError
from trapline_common.platform.logging import get_logger
from trapline_machine import postgres_server
from trapline_machine.data_directory import FileLock, give_back, prepare, refusals
from trapline_machine.postgres_programs import MAJOR, ServerUser, cause, current, packaged

VERSION_FILE = "PG_VERSION"
_UNFINISHED = "postgres.unfinished-"
"""Begins the name of a folder that is not filled yet: it gets its name when it is whole."""
_SETTINGS = ("io_method=sync", "max_logical_replication_workers=0", "wal_buffers=512kB")
"""Of a new cluster: four processes fewer, of 3 MiB each, and 3.5 MiB less for what is on its way to the log. Nothing
replicates a ledger, what it reads lies in memory, so no worker reads ahead, and a ledger's transactions are small."""

_log = get_logger("runtime")


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run Postgres on ``data_dir/postgres``, or join the one that runs there, and yield its DSN.

    It listens on a Unix socket only. After a crash or a kill it recovers on the next start, and processes that were
    killed do not keep it running: the kernel lets their locks go. Raises ``LedgerUnavailableError`` when it does not
    start, and ``InputRefusedError`` when this user or this release can't use the folder: one line with the cause.
    """
    prepare(data_dir)
    data = data_dir.resolve() / "postgres"
    with starts_and_stops(data_dir) as (turn, users):
        with turn.alone():
            users.share()
            with refusals(data_dir):
                user = ServerUser.of(data)
                _make(data, user)
                programs = current()
                user.reach(data)
                user.reach_programs(programs)
                server = postgres_server.find(data)
            if server is None or not server.ready:
                server = postgres_server.start(data, programs, user)
        try:
            with _last_words(data / "log"):
                yield server.dsn
        finally:
            with turn.alone():
                if users.take() and not postgres_server.stop(data):
                    _log.warning("postgres_left_running", pid=server.process.pid, data=str(data))
                with refusals(data_dir):
                    give_back(data_dir)


@contextmanager
def _last_words(log: Path) -> Iterator[None]:
    """Add to an error of the ledger's what the server said about its end, such as a full disk."""
    begins = log.stat().st_size if log.exists() else 0
    try:
        yield
    except LedgerUnavailableError as error:
        said = cause(postgres_server.log_since(log, begins))
        if not said.startswith(("PANIC:", "FATAL:")):
            raise
        raise LedgerUnavailableError(f"{error} (Postgres: {said})") from error


@contextmanager
def starts_and_stops(data_dir: Path) -> Iterator[tuple[FileLock, FileLock]]:
    """Yield the lock under which one process of all starts or stops the server, and the one that its users share."""
    with refusals(data_dir):
        turn = FileLock.open(data_dir / "postgres.lock")
        try:
            users = FileLock.open(data_dir / "postgres.users")
        except OSError:
            turn.close()
            raise
    try:
        yield turn, users
    finally:
        users.close()
        turn.close()


def version_of(data: Path) -> str | None:
    """Return the major version that the data are of; ``None`` when there are none."""
    try:
        return (data / VERSION_FILE).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def _make(data: Path, user: ServerUser) -> None:
    """Make the data folder, whole or not at all, unless there is one that this release can run."""
    if data.is_dir() and (version_of(data) is not None) and not (data / "global" / "pg_control").exists():
        aside = Path(tempfile.mkdtemp(prefix="postgres.broken-", dir=data.parent))
        data.replace(aside)
        _log.warning("postgres_set_aside", why="it was never finished: it has no pg_control", folder=str(aside))
    version = version_of(data)
    if version is None:
        if data.exists() and any(data.iterdir()):
            raise InputRefusedError(f"--data-dir: {data} holds files, and no Postgres: move it away, or choose another")
        make_cluster(data, user, checksums=True)
    elif version != str(MAJOR):
        raise InputRefusedError(_other_version(data, version))


def make_cluster(data: Path, user: ServerUser, *, checksums: bool) -> None:
    """Make an empty cluster at ``data``, which has its name only when it is whole.

    Its locale is Postgres' own, so it is the same on every machine. Raises ``LedgerUnavailableError``, and
    ``InputRefusedError`` for a user who can make none.
    """
    user.check_name()
    for left in data.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)  # of a command that was killed
    programs = current()
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=data.parent))
    try:
        user.own(unfinished)
        user.reach_programs(programs)
        user.run(
            programs / "initdb",
            [
                *("-D", str(unfinished), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"),
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(word for setting in _SETTINGS for word in ("-c", setting)),
                "--data-checksums" if checksums else "--no-data-checksums",
            ],
        )
        unfinished.replace(data)  # an empty folder of that name makes way
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _other_version(data: Path, version: str) -> str:
    begin = f"{data} is of Postgres {version[:20]!r}, and this release runs {MAJOR}: "
    way = "use the release of Trapline that made it"
    if version.isdecimal() and int(version) < MAJOR:
        programs = "" if packaged(int(version)) else " --postgres-bin DIR"
        way = f"`trapline migrate{programs}` brings it up (pg_upgrade; docs/upgrades.md)"
    return f"{begin}{way}, or move the folder away to begin with an empty ledger"
